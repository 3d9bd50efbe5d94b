"""From a bare Python to the installed one: `python3 -m src.local.start run|prepare [options]`.

Reads the options, installs what they need, and goes on as `python -m src.local` in `.venv`.
"""

import os
import sys

from src.local.install import ROOT, InstallError, install
from src.local.options import parse_prepare, parse_run


def main(command: str, options: list[str]) -> None:
    lock = _lock_for_run(options) if command == "run" else "local"
    if command == "prepare":
        parse_prepare(options)
    # Containers often set it, and each process of each start would compile everything again.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        python = install(lock)
    except InstallError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    os.chdir(ROOT)
    os.execv(python, [str(python), "-m", "src.local", command, *options])  # noqa: S606 - no shell is wanted


def _lock_for_run(options: list[str]) -> str:
    chosen = parse_run(options)
    if chosen.run_benchmarks is not None:
        return "benchmarks"
    kafka = chosen.broker == "kafka" or (chosen.broker is None and _kafka_is_set())
    return "dev" if kafka or chosen.run_fuzz or chosen.run_tests is not None else "local"


def _kafka_is_set() -> bool:
    # The broker of the Kafka protocol comes with the tests' packages. `.env` is read by hand, and
    # only for this, because nothing is installed yet; environment.py reads it as it should be read.
    file = ROOT / ".env"
    lines = [f"MESSAGE_BROKER_URL={os.environ.get('MESSAGE_BROKER_URL', '')}"]
    lines += file.read_text().splitlines() if file.exists() else []
    return any(line.startswith("MESSAGE_BROKER_URL") and "kafka://" in line for line in lines)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
