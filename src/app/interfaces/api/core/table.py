"""Which route a request is for."""

from collections.abc import Iterator

from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from src.app.interfaces.api.core.route import StrictRoute


class RouteTable:
    """Finds a route by its path, or by how its path begins; a router would try one after another.

    A path of its own is never one with parameters: `/users/me/` is not a `/users/{uuid}/`, whatever
    the method, and whatever stands first in a router. Of paths with parameters, the one with the
    longest beginning comes first.
    """

    def __init__(self, router: Router) -> None:
        self._router = router
        self._whole: dict[str, list[Route]] = {}
        self._begun: dict[str, list[Route]] = {}
        self._others: list[BaseRoute] = []
        for route in router.routes:
            if not isinstance(route, Route):
                self._others.append(route)
            elif route.param_convertors:
                beginning = route.path.partition("{")[0].rpartition("/")[0] + "/"
                self._begun.setdefault(beginning, []).append(route)
            else:
                self._whole.setdefault(route.path, []).append(route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        whole = self._whole.get(scope["path"])
        if whole:
            route = next((route for route in whole if scope["method"] in (route.methods or ())), whole[0])
            scope.update(route=route, endpoint=route.endpoint, path_params={})
            await _app_of(route)(scope, receive, send)
            return
        for_another_method: tuple[BaseRoute, Scope] | None = None
        for candidate in self._candidates(scope["path"]):
            match, found = candidate.matches(scope)
            if match is Match.FULL:
                scope.update(found)
                await _app_of(candidate)(scope, receive, send)
                return
            if match is Match.PARTIAL and for_another_method is None:
                for_another_method = candidate, found
        if for_another_method is None:
            raise HTTPException(404)
        candidate, found = for_another_method
        scope.update(found)
        await _app_of(candidate)(scope, receive, send)

    def _candidates(self, path: str) -> Iterator[BaseRoute]:
        end = len(path)
        while end := path.rfind("/", 0, end) + 1:
            yield from self._begun.get(path[:end], ())
            end -= 1
        yield from self._others


def _app_of(route: BaseRoute) -> ASGIApp:
    # Where FastAPI leaves the files of a form to be closed; ours does it for those that need it.
    return route.handle if isinstance(route, StrictRoute) else AsyncExitStackMiddleware(route.handle)
