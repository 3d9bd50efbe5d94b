from fastapi import APIRouter

from src.app.interfaces.api import health
from src.app.interfaces.api.v1.endpoints.auth import resources as auth
from src.app.interfaces.api.v1.endpoints.debug import resources as debug
from src.app.interfaces.api.v1.endpoints.users import resources as users


def resources_router(*, with_debug: bool) -> APIRouter:
    """Return every resource; the versions of the API mount the same one."""
    router = APIRouter()
    router.include_router(auth.router)
    if with_debug:
        router.include_router(debug.router)
    router.include_router(health.versioned)
    router.include_router(users.router)
    return router
