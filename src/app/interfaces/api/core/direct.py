"""The short way to an endpoint of which FastAPI has nothing to solve."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response
from fastapi.datastructures import DefaultPlaceholder
from fastapi.params import Depends
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.types import ASGIApp, Receive, Scope, Send

from src.app.interfaces.api.core.conditions import has_version, with_tag

# How FastAPI is told to write an answer otherwise than as it is declared.
WRITTEN_OTHERWISE = (
    "response_model_exclude",
    "response_model_exclude_defaults",
    "response_model_exclude_none",
    "response_model_exclude_unset",
    "response_model_include",
)

_Provider = Callable[[Request], Awaitable[Any]]


def direct_app(route: APIRoute) -> ASGIApp | None:
    """Return an application that asks FastAPI for nothing, where there is nothing to ask.

    An endpoint that takes only what dependencies make of the request alone, and answers a
    declared type, needs no solver: they are called and its answer is written. Solving and
    serialising it as any other would cost `GET /users/me/` a third more.
    """
    providers = _providers_of(route.endpoint)
    if (
        route.methods != {"GET"}
        or providers is None
        or route.response_model is None
        or route.status_code not in (None, 200)
    ):
        return None
    # Guards that a router or a decorator brings are FastAPI's to call, and so are answers of a
    # class of their own.
    is_plain = isinstance(route.response_class, DefaultPlaceholder)
    is_plain &= not any(getattr(route, name) for name in WRITTEN_OTHERWISE)
    if route.dependencies or route.body_field is not None or not is_plain:
        return None
    endpoint, dump = route.endpoint, TypeAdapter(route.response_model).dump_json
    is_versioned = has_version(route.response_model)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        arguments = {name: await provide(request) for name, provide in providers.items()}
        answered = await endpoint(**arguments)
        if isinstance(answered, Response):
            await answered(scope, receive, send)
            return
        answer: Response = _JSONAnswer(dump(answered))
        if is_versioned:
            answer = with_tag(request, answer, answered.uuid, answered.version)
        await answer(scope, receive, send)

    return serve


class _JSONAnswer(Response):
    """An answer that is written already; headers are not looked for where there are none."""

    def __init__(self, body: bytes) -> None:
        self.status_code = 200
        self.background = None
        self.body = body
        self.raw_headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]


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
