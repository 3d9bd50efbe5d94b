from collections.abc import Iterator

from fastapi import APIRouter
from fastapi.routing import APIRoute

from src.app.interfaces.api import health, metrics_endpoint
from src.app.interfaces.api.core.route import StrictRoute
from src.app.interfaces.api.v1.routers import FOR_DEVELOPERS, RESOURCES
from src.app.interfaces.api.versions import PREFIX, VERSIONS


def routes(*, with_debug: bool) -> Iterator[APIRoute]:
    """Yield every route of the service, in every version.

    They are handed out one beside the other: FastAPI's included routers are searched level by
    level at each request, which costs more than the rest of the routing.
    """
    resources = (*RESOURCES, *FOR_DEVELOPERS) if with_debug else RESOURCES
    first, *others = VERSIONS
    operations = [route for router in resources for route in routes_below(PREFIX + first, router)]
    yield from operations
    for version in others:
        yield from (
            route.at(f"{PREFIX}{version}{route.path.removeprefix(PREFIX + first)}") for route in operations
        )
    for router in (health.router, metrics_endpoint.router):
        yield from routes_below("", router)


def routes_below(prefix: str, router: APIRouter) -> Iterator[StrictRoute]:
    """Yield the routes of a resource, each below the prefix and behind the guards of its router."""
    for route in router.routes:
        assert isinstance(route, APIRoute)  # noqa: S101  a resource has routes of its own and no routers
        yield StrictRoute.copy(route, path=f"{prefix}{route.path}", guards=router.dependencies)
