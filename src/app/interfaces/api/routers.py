from fastapi import APIRouter

from src.app.interfaces.api import health, metrics_endpoint
from src.app.interfaces.api.v1.routers import resources_router

VERSIONS = ("v1", "v2")
"""v1 answers plain bodies; v2 the same from the same handlers, in an envelope (see `middleware/versions.py`)."""


def api_router(*, with_debug: bool) -> APIRouter:
    """Return every route of the service, in every version."""
    router = APIRouter()
    router.include_router(health.router)
    router.include_router(metrics_endpoint.router)
    for version in VERSIONS:
        router.include_router(resources_router(with_debug=with_debug), prefix=f"/api/{version}")
    return router
