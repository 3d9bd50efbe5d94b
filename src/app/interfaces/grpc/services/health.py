import asyncio
from collections.abc import AsyncIterator, Collection

import grpc
from grpc.aio import ServicerContext
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

MAX_WATCHERS = 50


class HealthServicer(health_pb2_grpc.HealthServicer):
    """`grpc.health.v1`: whether this process serves, by the name of a service, or "" for all.

    The services of a process stand on the same connections, so they share one status. A watcher is
    let go at the end of the process; it would keep the server from stopping.
    """

    def __init__(self, services: Collection[str]) -> None:
        self._services = frozenset({"", *services})
        self._status = HealthCheckResponse.NOT_SERVING
        self._has_ended = False
        self._watchers = 0
        self._changed = asyncio.Event()

    def tell(self, *, is_serving: bool) -> None:
        """Answer this from now on; after `end` it has no effect."""
        status = HealthCheckResponse.SERVING if is_serving else HealthCheckResponse.NOT_SERVING
        if not self._has_ended and status != self._status:
            self._set(status)

    def end(self) -> None:
        """Answer NOT_SERVING for good, and let the watchers go."""
        self._has_ended = True
        self._set(HealthCheckResponse.NOT_SERVING)

    async def Check(self, request: HealthCheckRequest, context: ServicerContext) -> HealthCheckResponse:
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "There is no such service")
        return HealthCheckResponse(status=self._status)

    async def List(
        self, request: health_pb2.HealthListRequest, context: ServicerContext
    ) -> health_pb2.HealthListResponse:
        status = HealthCheckResponse(status=self._status)
        return health_pb2.HealthListResponse(statuses=dict.fromkeys(self._services, status))

    async def Watch(
        self, request: HealthCheckRequest, context: ServicerContext
    ) -> AsyncIterator[HealthCheckResponse]:
        # A watch needs no token and lasts as long as its caller: without a bound, some hundred of
        # them would leave no place for calls.
        if self._watchers >= MAX_WATCHERS:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Too many watch already; use Check")
        self._watchers += 1
        try:
            async for response in self._told(request.service):
                yield response
        finally:
            self._watchers -= 1

    async def _told(self, service: str) -> AsyncIterator[HealthCheckResponse]:
        told = None
        while True:
            changed = self._changed
            status = self._status if service in self._services else HealthCheckResponse.SERVICE_UNKNOWN
            if status != told:
                told = status
                yield HealthCheckResponse(status=status)
            elif self._has_ended:
                return
            else:
                await changed.wait()

    def _set(self, status: int) -> None:
        self._status = status
        self._changed.set()
        self._changed = asyncio.Event()
