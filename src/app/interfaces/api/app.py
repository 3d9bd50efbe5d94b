"""The REST door as an ASGI application."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from src.app.config.settings import LaunchMode, Settings
from src.app.infrastructure.bootstrap import Process
from src.app.interfaces.api.core.table import RouteTable
from src.app.interfaces.api.documents.pages import documents_of
from src.app.interfaces.api.middleware.body_limit import BodyLimit
from src.app.interfaces.api.middleware.context import RequestContext
from src.app.interfaces.api.middleware.cors import CORS
from src.app.interfaces.api.middleware.deadline import Deadline
from src.app.interfaces.api.middleware.edge import Edge
from src.app.interfaces.api.middleware.versions import Versions
from src.app.interfaces.api.routers import routes
from src.app.interfaces.version import VERSION


class Application(FastAPI):
    """A FastAPI whose way to a route has our own layers, and no others.

    Its own answer errors, count bodies and trace, which ours do; each costs a request two
    microseconds for nothing.
    """

    def build_middleware_stack(self) -> ASGIApp:
        app: ASGIApp = RouteTable(self.router)
        for layer, args, kwargs in reversed(self.user_middleware):
            app = layer(app, *args, **kwargs)
        return app


EXPOSED_HEADERS = (
    "Deprecation",
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Sunset",
    "X-API-Version",
    "X-Request-ID",
)
"""What the scripts of other origins may read of an answer, beside what all may."""


def make_app(settings: Settings, process: Callable[[], AbstractAsyncContextManager[Process]]) -> FastAPI:
    """Make the application; `process` is entered when the server starts, and left when it stops."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with process() as running:
            yield {"process": running}

    app = Application(
        title=settings.PROJECT_NAME,
        version=VERSION,
        debug=settings.DEBUG,
        lifespan=lifespan,
        # Its own pages would load their files from elsewhere; see `documents`.
        openapi_url=None,
        redirect_slashes=False,
        # Our own metrics and log lines say what its would.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.openapi = lambda: _document_of(app, settings)  # type: ignore[method-assign]
    app.router.routes.extend(routes(with_debug=settings.LAUNCH_MODE is not LaunchMode.PROD))
    if settings.shows_api_docs:
        app.router.routes.extend(documents_of(app))
    # The last one added is the outermost.
    app.add_middleware(Versions)
    app.add_middleware(BodyLimit, limit=settings.MAX_BODY_BYTES)
    app.add_middleware(Deadline, seconds=settings.REQUEST_TIMEOUT_SECONDS)
    app.add_middleware(Edge, hosts=settings.TRUSTED_HOSTS, at_once=settings.MAX_REQUESTS_AT_ONCE)
    if settings.CORS_ORIGIN_WHITELIST:
        app.add_middleware(
            CORS,
            allow_origins=settings.CORS_ORIGIN_WHITELIST,
            allow_credentials=settings.CORS_ALLOW_CREDENTIALS,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=EXPOSED_HEADERS,
        )
    app.add_middleware(RequestContext, trusted_proxies=settings.TRUSTED_PROXIES)
    return app


def _document_of(app: FastAPI, settings: Settings) -> dict[str, Any]:
    # Loaded when somebody asks for it: a start is a twentieth shorter without.
    from src.app.interfaces.api.openapi.document import openapi_of

    return openapi_of(app, settings)
