import inspect
from collections.abc import Callable, Coroutine, Sequence
from copy import copy
from functools import cached_property
from typing import Any, Self

from fastapi import Request, Response
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.params import Depends, Form
from fastapi.routing import APIRoute
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from src.app.application.common.deprecation import deprecated_fields, deprecation_of
from src.app.interfaces.api.core.conditions import has_version, tagged
from src.app.interfaces.api.core.dependencies import asks_who
from src.app.interfaces.api.core.deprecation import note
from src.app.interfaces.api.core.direct import WRITTEN_OTHERWISE, direct_app
from src.app.interfaces.api.core.idempotency import once
from src.app.interfaces.api.core.json import StrictRequest
from src.app.interfaces.api.core.limits import count_address, is_limited
from src.app.interfaces.api.core.lists import answering_pages
from src.app.interfaces.api.versions import name_in, version_of

_COPIED = (
    *WRITTEN_OTHERWISE,
    "callbacks",
    "deprecated",
    "include_in_schema",
    "methods",
    "name",
    "openapi_extra",
    "operation_id",
    "response_class",
    "response_description",
    "response_model",
    "responses",
    "status_code",
    "summary",
    "tags",
)


class StrictRoute(APIRoute):
    """What every operation of the API is served by, however its resource declared it; see `routers.py`.

    It brings strict JSON, pages, `Idempotency-Key`, entity tags, limits and notes of deprecation.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        told = deprecation_of(endpoint)
        if told is not None:
            options["deprecated"] = True
        super().__init__(path, answering_pages(endpoint), **options)
        shown = inspect.signature(endpoint, eval_str=True).return_annotation
        self._deprecations = {
            **({"operation": told} if told else {}),
            **{f"field {name}": field for name, field in deprecated_fields(shown).items()},
        }
        # Where FastAPI leaves the files of a form, to be closed when it is done.
        self._solved = AsyncExitStackMiddleware(super().handle)

    @classmethod
    def copy(cls, route: APIRoute, *, path: str, guards: Sequence[Depends] = ()) -> Self:
        """Return an operation as it was declared, at another path and behind the dependencies of its router."""
        declared = {name: getattr(route, name) for name in _COPIED}
        declared["dependencies"] = [*guards, *(own for own in route.dependencies if own not in guards)]
        return cls(path, inspect.unwrap(route.endpoint), generate_unique_id_function=operation_id, **declared)

    def at(self, path: str) -> Self:
        """Return the same operation at another path with the same parameters: for another version, say.

        All but the path is shared, for to build it anew takes two milliseconds of each start.
        """
        twin = copy(self)
        twin.path = path
        twin.path_regex, twin.path_format, twin.param_convertors = compile_path(path)
        twin.unique_id = operation_id(twin)
        return twin

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if "POST" in (self.methods or ()):
            handle = once(handle)
        if has_version(self.response_model):
            handle = tagged(handle)
        body = self.body_field
        if body is None or isinstance(body.field_info, Form):
            return handle
        fields = deprecated_fields(body.field_info.annotation)

        async def handle_strictly(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            strict.check_type()
            answer = await handle(strict)
            if sent := fields.keys() & strict.sent_fields():
                note(request.scope, {f"field {name}": fields[name] for name in sorted(sent)})
            return answer

        return handle_strictly

    @cached_property
    def _counts_addresses(self) -> bool:
        return is_limited(self.path) and not asks_who(self.dependant)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._deprecations:
            note(scope, self._deprecations)
        if self._counts_addresses:
            count_address(scope)
        if self._direct is not None and scope["method"] in (self.methods or ()):
            await self._direct(scope, receive, send)
        else:
            await self._solved(scope, receive, send)

    @cached_property
    def _direct(self) -> ASGIApp | None:
        return direct_app(self)


def operation_id(route: APIRoute) -> str:
    """Name an operation after its function, which is named after the service's method."""
    return name_in(version_of(route.path), route.name)
