"""The servers that a run brings itself: started side by side, watched, stopped side by side."""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from src.local.processes import last_lines
from src.local.progress import step
from src.local.servers import RabbitMQ, Server
from src.local.servers.rabbitmq import install, is_installed
from src.local.signals import StopSignals
from src.local.state import Ledger
from src.local.supervisor import ProgramDiedError


@contextmanager
def embedded(servers: Mapping[str, Server], *, ledger: Ledger, signals: StopSignals) -> Iterator[None]:
    """Run these servers for the length of a block, which begins when all of them serve.

    Raises:
        ServerError: one cannot run here, or died while it started.
        StopRequestedError: somebody did not want to wait for them.
    """
    try:
        if servers:
            _start(servers, ledger, signals)
        yield
    finally:
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda server: server.stop(), servers.values()))


def check(servers: Mapping[str, Server]) -> None:
    """Look whether all are alive.

    Raises:
        ProgramDiedError: one is not.
    """
    for name, server in servers.items():
        if not server.is_running():
            raise ProgramDiedError(f"{name} ended. Its last lines ({server.log}):\n{last_lines(server.log)}")


def _start(servers: Mapping[str, Server], ledger: Ledger, signals: StopSignals) -> None:
    with step("servers") as note, ThreadPoolExecutor() as pool:
        starting = {pool.submit(_start_one, server): server for server in servers.values()}
        while starting:
            for future in [future for future in starting if future.done()]:
                server = starting.pop(future)
                note(f"{server.title} {future.result():.2f} s")
                ledger.record(server.identities)
            signals.pause(0.01)


def _start_one(server: Server) -> float:
    started = time.monotonic()
    if isinstance(server, RabbitMQ) and not is_installed():
        install(server.log.with_name("apt.log"))
    server.log.unlink(missing_ok=True)
    server.start()
    return time.monotonic() - started
