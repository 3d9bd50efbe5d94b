#!/usr/bin/env bash
# Formats and checks the code; with --check it changes nothing and fails where something is left to do.
set -uo pipefail
case "${1:-}" in
    '' | --check) ;;
    *)
        sed -n '2s/^# //p' "${BASH_SOURCE[0]}"
        exit 2
        ;;
esac
cd "$(dirname "${BASH_SOURCE[0]}")"
source src/local/python.sh
"$python" -m src.local.install dev || exit
export PATH="$PWD/.venv/bin:$PATH"

failed=''
run() {
    printf '\n%s\n' "$*"
    "$@" || failed+="  $*"$'\n'
}

if [ "${1:-}" = --check ]; then
    run ruff format --check --quiet .
    run ruff check --quiet .
else
    run ruff format --quiet .
    run ruff check --quiet --fix .
fi
run mypy --no-error-summary
run lint-imports --no-logo
run deptry --no-ansi .
run python -m src.local.floors
run python -m src.app.interfaces.cli docs export --check
run python -m src.local.node redocly lint docs/api/openapi.yaml --config=src/local/redocly.yaml

if [ -n "$failed" ]; then
    printf '\nFailed:\n%s' "$failed" >&2
    exit 1
fi
