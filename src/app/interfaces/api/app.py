"""The REST door as an ASGI application."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from src.app.config.settings import LaunchMode, Settings
from src.app.domain.common.exceptions import AppException
from src.app.infrastructure.bootstrap import Process
from src.app.interfaces.api import errors
from src.app.interfaces.api.middleware.body_limit import BodyLimit
from src.app.interfaces.api.middleware.context import RequestContext
from src.app.interfaces.api.middleware.edge import Edge
from src.app.interfaces.api.middleware.versions import Versions
from src.app.interfaces.api.openapi import openapi_of
from src.app.interfaces.api.routers import routes
from src.app.interfaces.version import VERSION


def make_app(settings: Settings, process: Callable[[], AbstractAsyncContextManager[Process]]) -> FastAPI:
    """Make the application; `process` is entered when the server starts, and left when it stops."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with process() as running:
            yield {"process": running}

    docs = settings.shows_api_docs
    app = FastAPI(
        title=settings.PROJECT_NAME,
        version=VERSION,
        debug=settings.DEBUG,
        lifespan=lifespan,
        openapi_url="/openapi.json" if docs else None,
        docs_url="/docs" if docs else None,
        redoc_url="/redoc" if docs else None,
        redirect_slashes=False,
        # Our own metrics and log lines say what its would.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        exception_handlers={
            AppException: _answer,
            RequestValidationError: _answer,
            HTTPException: _answer,
        },
    )
    app.openapi = lambda: openapi_of(app)  # type: ignore[method-assign]
    app.router.routes.extend(routes(with_debug=settings.LAUNCH_MODE is not LaunchMode.PROD))
    # The last one added is the outermost.
    app.add_middleware(Versions)
    if settings.CORS_ORIGIN_WHITELIST:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.CORS_ORIGIN_WHITELIST,
            allow_credentials=settings.CORS_ALLOW_CREDENTIALS,
            allow_methods=["*"],
            allow_headers=["*"],
        )
    app.add_middleware(BodyLimit, limit=settings.MAX_BODY_BYTES)
    app.add_middleware(Edge, hosts=settings.TRUSTED_HOSTS)
    app.add_middleware(RequestContext, trusted_proxies=settings.TRUSTED_PROXIES)
    return app


async def _answer(request: Request, error: Exception) -> Response:
    return errors.answer(request.scope, error)
