#!/usr/bin/env bash
# Starts PostgreSQL, Redis and RabbitMQ alone, and returns; --help tells the options.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source src/local/python.sh
exec "$python" -m src.local.start prepare "$@"
