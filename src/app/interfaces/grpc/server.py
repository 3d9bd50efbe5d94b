"""The gRPC door: `python -m src.app.interfaces.grpc.server`.

A new service is a proto in `protos/`, its code by `python -m src.app.interfaces.cli proto`, a
servicer in `services/`, and a line in `services_of`.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from grpc import aio
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from loguru import logger

from src.app.config.settings import LaunchMode, Settings
from src.app.domain.common.exceptions import ConflictError
from src.app.infrastructure.bootstrap import Process, bootstrap
from src.app.interfaces.cli.process import run
from src.app.interfaces.grpc import workers
from src.app.interfaces.grpc.interceptors.authentication import Authentication
from src.app.interfaces.grpc.interceptors.call import Interceptors
from src.app.interfaces.grpc.interceptors.deadline import Deadline
from src.app.interfaces.grpc.interceptors.errors import errors
from src.app.interfaces.grpc.interceptors.log_line import log_line
from src.app.interfaces.grpc.interceptors.request_ids import request_ids
from src.app.interfaces.grpc.pb.allium.auth.v1 import auth_pb2, auth_pb2_grpc
from src.app.interfaces.grpc.pb.allium.debug.v1 import debug_pb2, debug_pb2_grpc
from src.app.interfaces.grpc.pb.allium.example.v1 import example_pb2, example_pb2_grpc
from src.app.interfaces.grpc.pb.allium.users.v1 import users_pb2, users_pb2_grpc
from src.app.interfaces.grpc.services.auth import AuthServicer
from src.app.interfaces.grpc.services.debug import DebugServicer
from src.app.interfaces.grpc.services.example import ExampleServicer
from src.app.interfaces.grpc.services.health import HealthServicer
from src.app.interfaces.grpc.services.users import UsersServicer

DEADLINE = Deadline(default=10.0, maximum=60.0)
HEALTH_SECONDS = 5.0
NOTICE_SECONDS = 0.2
"""How long who watches our health has to send new calls elsewhere, before none are taken."""
DRAIN_SHARE = 0.8
"""The part of SHUTDOWN_TIMEOUT that calls in flight may take; the rest is for closing connections."""

_SECOND = 1000
_LIMITS = (
    ("grpc.max_concurrent_streams", 200),
    # Soft: refused at random between the two, so that a caller near the limit notices early.
    ("grpc.max_metadata_size", 8 * 1024),
    ("grpc.absolute_max_metadata_size", 16 * 1024),
    # Calls come on few connections that live long. Ending them now and then lets a new process
    # take its share of them, and one that has died unseen is found by the pings.
    ("grpc.max_connection_age_ms", 300 * _SECOND),
    ("grpc.max_connection_age_grace_ms", 60 * _SECOND),
    ("grpc.keepalive_time_ms", 60 * _SECOND),
    ("grpc.keepalive_timeout_ms", 20 * _SECOND),
    # A caller may ping as often as every ten seconds; one that does so more often is sent away.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10 * _SECOND),
    ("grpc.http2.max_ping_strikes", 2),
)


@dataclass(frozen=True, slots=True)
class Service:
    """A servicer, the function that registers it, and the descriptor of its proto."""

    descriptor: Any
    register: Callable[[Any, aio.Server], None]
    servicer: object

    @property
    def names(self) -> list[str]:
        return [service.full_name for service in self.descriptor.services_by_name.values()]


def services_of(process: Process) -> list[Service]:
    """Return what this door offers, in alphabetical order."""
    container = process.container
    debug = DebugServicer(name=process.settings.PROJECT_NAME, mode=process.settings.LAUNCH_MODE)
    return [
        Service(
            auth_pb2.DESCRIPTOR,
            auth_pb2_grpc.add_AuthServiceServicer_to_server,
            AuthServicer(container.auth_service),
        ),
        Service(debug_pb2.DESCRIPTOR, debug_pb2_grpc.add_DebugServiceServicer_to_server, debug),
        Service(example_pb2.DESCRIPTOR, example_pb2_grpc.add_ExampleServiceServicer_to_server, ExampleServicer()),
        Service(
            users_pb2.DESCRIPTOR,
            users_pb2_grpc.add_UsersServiceServicer_to_server,
            UsersServicer(container.users_service),
        ),
    ]


@asynccontextmanager
async def serving(
    process: Process, services: Sequence[Service], *, deadline: Deadline = DEADLINE, shares_port: bool = False
) -> AsyncIterator[int]:
    """Serve at GRPC_HOST and GRPC_PORT, and give the port. Leaving the block drains.

    Draining is: NOT_SERVING to who asks, no new calls, and time for those in flight to end.

    Raises:
        ConflictError: the port is taken.
    """
    settings = process.settings
    names = [name for service in services for name in service.names]
    health = HealthServicer(names)
    server = aio.server(
        interceptors=[
            Interceptors(request_ids, log_line, errors, deadline, Authentication(process.container.auth_service))
        ],
        maximum_concurrent_rpcs=settings.GRPC_MAX_CONCURRENT_RPCS,
        options=(
            *_LIMITS,
            ("grpc.max_receive_message_length", settings.GRPC_MAX_MESSAGE_BYTES),
            ("grpc.so_reuseport", int(shares_port)),
        ),
    )
    for service in services:
        service.register(service.servicer, server)
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    if _shows_reflection(settings):
        own = (reflection.SERVICE_NAME, "grpc.health.v1.Health")
        reflection.enable_server_reflection((*names, *own), server)
    port = _listen(server, settings)
    await _examine(process, health)
    await server.start()
    following = asyncio.create_task(_follow(process, health), name="health")
    try:
        yield port
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        health.end()
        await asyncio.sleep(NOTICE_SECONDS)
        await server.stop(settings.SHUTDOWN_TIMEOUT * DRAIN_SHARE)


async def serve(settings: Settings, stop: asyncio.Event, *, port: int | None = None) -> None:
    """Serve until `stop` is set; with `port`, together with other processes on that one."""
    if port is None:
        if settings.grpc_processes > 1:
            await workers.serve_in_several(settings, stop)
            return
        workers.ensure_free(settings.GRPC_HOST, settings.GRPC_PORT)
    else:
        settings = settings.model_copy(update={"GRPC_PORT": port})
        workers.stop_with_parent(stop)
    async with (
        bootstrap(settings, name="grpc") as process,
        serving(process, services_of(process), shares_port=port is not None) as bound,
        process.beating(),
    ):
        logger.info("gRPC serves at {}", workers.address(settings.GRPC_HOST, bound))
        await stop.wait()


async def _follow(process: Process, health: HealthServicer) -> None:
    while True:
        await asyncio.sleep(HEALTH_SECONDS)
        await _examine(process, health)


async def _examine(process: Process, health: HealthServicer) -> None:
    findings = (await process.health()).values()
    health.tell(is_serving=all(finding.is_ok for finding in findings if finding.is_required))


def _listen(server: aio.Server, settings: Settings) -> int:
    address = workers.address(settings.GRPC_HOST, settings.GRPC_PORT)
    try:
        return int(server.add_insecure_port(address))
    except RuntimeError as error:
        raise ConflictError(f"gRPC cannot listen at {address}: {error}") from error


def _shows_reflection(settings: Settings) -> bool:
    if settings.GRPC_REFLECTION is None:
        return settings.LAUNCH_MODE is not LaunchMode.PROD
    return settings.GRPC_REFLECTION


def main() -> None:
    shared = workers.shared_port(sys.argv[1:])
    run(partial(serve, port=shared))


if __name__ == "__main__":
    main()
