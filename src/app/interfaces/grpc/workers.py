"""Several server processes that share one port: the kernel spreads connections over them.

Each is started as a process of its own, before anything of gRPC runs in it, and lives as long as
the pipe to the one that started it: however that one ends, its workers drain and end too.
"""

import asyncio
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from src.app.config.settings import Settings
from src.app.domain.common.exceptions import ConflictError, ExternalServiceError

_OPTION = "--share-port"


async def serve_in_several(settings: Settings, stop: asyncio.Event) -> None:
    """Keep GRPC_PROCESSES servers until `stop` is set.

    Raises:
        ConflictError: the port is taken.
        ExternalServiceError: one of them ended by itself; the others were stopped.
    """
    with _claimed(settings.GRPC_HOST, settings.GRPC_PORT) as port:
        workers = [await _start(port) for _ in range(settings.grpc_processes)]
        endings = [asyncio.ensure_future(worker.wait()) for worker in workers]
        asked = asyncio.ensure_future(stop.wait())
        await asyncio.wait({asked, *endings}, return_when=asyncio.FIRST_COMPLETED)
        has_lost_one = not stop.is_set()
        asked.cancel()
        for worker in workers:
            if worker.stdin is not None:
                worker.stdin.close()
        await asyncio.gather(*endings)
    if has_lost_one:
        raise ExternalServiceError("A gRPC server process ended by itself; what it said stands above")


def shared_port(arguments: Sequence[str]) -> int | None:
    """Return the port that a worker was told to share, or None for who is no worker."""
    return int(arguments[1]) if arguments and arguments[0] == _OPTION else None


def stop_with_parent(stop: asyncio.Event) -> None:
    """Set `stop` when the process that started this one lets go of the pipe, or is gone."""
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), stop.set)


def ensure_free(host: str, port: int) -> None:
    """Make sure that nobody listens there.

    Raises:
        ConflictError: somebody does.
    """
    _bound(host, port, shares=False).close()


def address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def _start(port: int) -> Process:
    module = "src.app.interfaces.grpc.server"
    return await asyncio.create_subprocess_exec(sys.executable, "-m", module, _OPTION, str(port), stdin=PIPE)


@contextmanager
def _claimed(host: str, port: int) -> Iterator[int]:
    # Alone first: a port that is shared would be shared with whatever else asks for that.
    with _bound(host, port, shares=False) as alone:
        port = alone.getsockname()[1]
    with _bound(host, port, shares=True):
        yield port


def _bound(host: str, port: int, *, shares: bool) -> socket.socket:
    try:
        family, *_, target = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.socket(family, socket.SOCK_STREAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shares))
            bound.bind(target)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        raise ConflictError(f"gRPC cannot listen at {address(host, port)}: {error.strerror}") from error
    return bound
