#!/usr/bin/env bash
# Runs everything on this machine; --help tells what else it can do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source src/local/python.sh
exec "$python" -m src.local.start run "$@"
