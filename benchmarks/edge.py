"""What a request costs on its way to an endpoint: each layer, and all of them over a bare FastAPI route.

The endpoint does nothing, and there is no server nor client: the applications are called in this
process, and its CPU time is counted. Layers are added from the inside out, as a request leaves them.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext, redirect_stderr
from statistics import median
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from benchmarks.report import Row, at_most
from benchmarks.stage import Stage
from src.app.interfaces.api.wire import PatientProtocol
from src.local.progress import step

ROUNDS = 9
CALLS = 3000
_ADDED = {
    "RouteTable": "finding the route, counting the caller, calling the endpoint, writing its answer",
    "Versions": "the version in the path",
    "BodyLimit": "the size of the body",
    "Deadline": "the deadline",
    "Edge": "URL, headers and host; how much is in work; answering what fails",
    "RequestContext": "request id, address, headers of the answer, log line, metric",
}

_REQUEST = (
    b"GET /api/v1/health/ HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n"
    b"User-Agent: benchmark\r\nAuthorization: Bearer token\r\n\r\n"
)
_Call = Callable[[], Awaitable[None]]


def measure(stage: Stage) -> list[Row]:
    before = dict(os.environ)
    os.environ.update(stage.settings)
    try:
        with (stage.folder / "edge.log").open("w", buffering=1) as log, redirect_stderr(log):
            costs = uvloop.run(_costs())
    finally:
        os.environ.clear()
        os.environ.update(before)
    bare, v1, v2 = costs["bare"], costs["RequestContext"], costs["v2"]
    rows = [
        Row("the edge over a bare FastAPI route, v1: CPU µs", v1 - bare, goal=at_most(30)),
        Row("the envelope of v2: CPU µs more", v2 - v1, goal=at_most(15)),
        Row("bare FastAPI route: CPU µs", bare),
    ]
    inner = 0.0
    for name, told in _ADDED.items():
        rows.append(Row(f"{name}: CPU µs more", costs[name] - inner, detail=told))
        inner = costs[name]
    told = "heads and readers that dawdle, what is no HTTP; beside uvicorn's own protocol"
    rows.append(Row("PatientProtocol: CPU µs more", costs["our protocol"] - costs["uvicorn's"], detail=told))
    return rows


async def _costs() -> dict[str, float]:
    async with _applications() as applications:
        times: dict[str, list[float]] = {name: [] for name in applications}
        for number in range(-1, ROUNDS):
            with step(f"round {number + 1}/{ROUNDS}"):
                for name, call in applications.items():
                    taken = await _time(call)
                    if number >= 0:
                        times[name].append(taken)
        return {name: median(taken) for name, taken in times.items()}


async def _time(call: _Call) -> float:
    began = time.process_time()
    for _ in range(CALLS):
        # Each request is a task of its own, as a server makes it.
        await asyncio.create_task(call())  # type: ignore[arg-type]
    return (time.process_time() - began) / CALLS * 1e6


@asynccontextmanager
async def _applications() -> AsyncIterator[dict[str, _Call]]:
    from src.app.config.settings import load_settings
    from src.app.infrastructure.bootstrap import bootstrap
    from src.app.interfaces.api.app import make_app
    from src.app.interfaces.api.core.table import RouteTable

    settings = load_settings()
    bare = FastAPI(openapi_url=None)

    @bare.get("/health/")
    async def health() -> dict[str, Any]:
        return {"status": "healthy", "service": "Allium", "version": "0.1.0", "environment": "prod"}

    async with bootstrap(settings, name="api", has_deadlines=True) as process:
        app = make_app(settings, lambda: nullcontext(process))

        layer: Any = RouteTable(app.router)
        state = {"process": process}
        found = {
            "bare": _calling(bare, "/health/", state),
            "RouteTable": _calling(layer, "/api/v1/health/", state),
        }
        for middleware, args, kwargs in reversed(app.user_middleware):
            layer = middleware(layer, *args, **kwargs)
            found[type(layer).__name__] = _calling(layer, "/api/v1/health/", state)
        found["v2"] = _calling(layer, "/api/v2/health/", state)
        found |= {"uvicorn's": _receiving(HttpToolsProtocol), "our protocol": _receiving(PatientProtocol)}
        yield found


def _receiving(protocol: type[HttpToolsProtocol]) -> _Call:
    """Return what has a protocol read a request and write an answer of nothing."""

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    config = uvicorn.Config(app, http=protocol, lifespan="off", log_config=None)
    config.load()
    state = ServerState()
    connection = protocol(config, state, {}, asyncio.get_running_loop())
    connection.connection_made(_Wire())

    async def call() -> None:
        connection.data_received(_REQUEST)
        await asyncio.gather(*state.tasks)

    return call


class _Wire(asyncio.Transport):
    """A transport that takes everything."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002
        return default

    def is_closing(self) -> bool:
        return False

    def write(self, data: Any) -> None:
        pass


def _calling(app: Any, path: str, state: dict[str, Any]) -> _Call:
    headers = [(b"host", b"127.0.0.1"), (b"accept", b"application/json"), (b"user-agent", b"benchmark")]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start" and message["status"] != 200:
            raise AssertionError(f"{path} answered {message['status']}")

    async def call() -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 4711),
            "server": ("127.0.0.1", 80),
            "state": dict(state),
        }
        await app(scope, receive, send)

    return call
