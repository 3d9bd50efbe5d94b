import inspect
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import cached_property
from typing import Any, Self

from fastapi import Request, Response
from fastapi.datastructures import DefaultPlaceholder
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.params import Depends, Form
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.types import ASGIApp, Receive, Scope, Send

from src.app.application.common.deprecation import deprecated_fields, deprecation_of
from src.app.interfaces.api.core.conditions import has_version, tagged, with_tag
from src.app.interfaces.api.core.dependencies import asks_who
from src.app.interfaces.api.core.deprecation import note
from src.app.interfaces.api.core.idempotency import once
from src.app.interfaces.api.core.json import StrictRequest
from src.app.interfaces.api.core.limits import count_address, is_limited
from src.app.interfaces.api.core.lists import answering_pages
from src.app.interfaces.api.core.versions import name_in, version_of

# How FastAPI is told to write an answer otherwise than as it is declared.
_WRITTEN_OTHERWISE = (
    "response_model_exclude",
    "response_model_exclude_defaults",
    "response_model_exclude_none",
    "response_model_exclude_unset",
    "response_model_include",
)
_COPIED = (
    *_WRITTEN_OTHERWISE,
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


class JSONAnswer(Response):
    """An answer that is written already; headers are not looked for where there are none."""

    def __init__(self, body: bytes) -> None:
        self.status_code = 200
        self.background = None
        self.body = body
        self.raw_headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]


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
        """An application that asks FastAPI for nothing, where there is nothing to ask.

        An endpoint that takes only what dependencies make of the request alone, and answers a
        declared type, needs no solver: they are called and its answer is written. Solving and
        serialising it as any other would cost `GET /users/me/` a third more.
        """
        providers = _providers_of(self.endpoint)
        if (
            self.methods != {"GET"}
            or providers is None
            or self.response_model is None
            or self.status_code not in (None, 200)
        ):
            return None
        # Guards that a router or a decorator brings are FastAPI's to call, and so are answers of a
        # class of their own.
        is_plain = isinstance(self.response_class, DefaultPlaceholder)
        is_plain &= not any(getattr(self, name) for name in _WRITTEN_OTHERWISE)
        if self.dependencies or self.body_field is not None or not is_plain:
            return None
        endpoint, dump = self.endpoint, TypeAdapter(self.response_model).dump_json
        is_versioned = has_version(self.response_model)

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope, receive, send)
            arguments = {name: await provide(request) for name, provide in providers.items()}
            answered = await endpoint(**arguments)
            if isinstance(answered, Response):
                await answered(scope, receive, send)
                return
            answer: Response = JSONAnswer(dump(answered))
            if is_versioned:
                answer = with_tag(request, answer, answered.uuid, answered.version)
            await answer(scope, receive, send)

        return serve


_Provider = Callable[[Request], Awaitable[Any]]


def _providers_of(endpoint: Callable[..., Any]) -> dict[str, _Provider] | None:
    """Return what makes each parameter of an endpoint, or None where not all are made of the request."""
    providers: dict[str, _Provider] = {}
    for name, parameter in inspect.signature(endpoint, eval_str=True).parameters.items():
        provider = next(
            (m.dependency for m in getattr(parameter.annotation, "__metadata__", ()) if isinstance(m, Depends)),
            None,
        )
        if provider is None or not _takes_the_request_alone(provider):
            return None
        providers[name] = provider
    return providers


def _takes_the_request_alone(provider: Callable[..., Any]) -> bool:
    parameters = list(inspect.signature(provider, eval_str=True).parameters.values())
    call = provider if inspect.isfunction(provider) else type(provider).__call__
    return inspect.iscoroutinefunction(call) and [parameter.annotation for parameter in parameters] == [Request]


def operation_id(route: APIRoute) -> str:
    """Name an operation after its function, which is named after the service's method."""
    return name_in(version_of(route.path), route.name)
