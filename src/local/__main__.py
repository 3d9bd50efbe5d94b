"""The commands behind `local_run.sh` and `local_prepare.sh`."""

import os
import sys
from collections.abc import Sequence

from src.local import docker, keeper
from src.local.install import ROOT
from src.local.options import PROCESSES, parse_prepare, parse_run
from src.local.product import allium
from src.local.progress import step
from src.local.run import run
from src.local.servers import ServerError
from src.local.servers.rabbitmq import install, is_installed

_TESTS = ("-n", "2", "--cov=src", "--cov-report=term:skip-covered")


def main(arguments: Sequence[str]) -> int:
    match arguments:
        case ["run", *options]:
            return _run(options)
        case ["prepare", *options]:
            return _prepare(options)
        case ["keep"]:
            return keeper.keep(ROOT)
        case _:
            print("Use `bash local_run.sh` or `bash local_prepare.sh`.")
            return 2


def _run(options: Sequence[str]) -> int:
    chosen = parse_run(options)
    if chosen.run_tests is not None:
        return _test(chosen.run_tests, without_brokers=chosen.without_brokers)
    if chosen.run_benchmarks is not None:
        return _become("benchmarks", *chosen.run_benchmarks)
    if chosen.run_fuzz:
        return _become("tests.fuzz")
    names = chosen.names or [name for name in PROCESSES if name != "flower"]
    if chosen.docker:
        return docker.run(ROOT, names)
    return run(ROOT, allium(names), transport=chosen.broker, recreate=chosen.recreate)


def _prepare(options: Sequence[str]) -> int:
    chosen = parse_prepare(options)
    if chosen.docker:
        return docker.prepare(ROOT, recreate=chosen.recreate, stop=chosen.stop)
    if chosen.stop:
        print("Stopped." if keeper.stop(ROOT) else "Nothing to stop: no servers are kept here.")
        return 0
    return keeper.prepare(ROOT, recreate=chosen.recreate)


def _test(arguments: list[str], *, without_brokers: bool) -> int:
    if without_brokers:
        os.environ["TEST_WITHOUT_BROKERS"] = "1"
    elif not arguments and not is_installed():
        # The whole suite needs it, so better now than after some minutes of tests.
        try:
            with step("RabbitMQ"):
                install(ROOT / ".local" / "log" / "apt.log")
        except ServerError as error:
            print(f"{error}; or leave its tests out by --without-brokers")
            return 1
    return _become("pytest", *(arguments or _TESTS))


def _become(module: str, *arguments: str) -> int:
    """Go on as another module's command, in this process, so that signals reach it."""
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
