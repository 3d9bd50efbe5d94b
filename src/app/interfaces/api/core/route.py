from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from src.app.application.common.raises import errors_of
from src.app.domain.common.exceptions import AppException, ValidationError
from src.app.interfaces.api.core.json import StrictRequest
from src.app.interfaces.api.core.schemas import ErrorBody
from src.app.interfaces.outcomes import outcome_of


class StrictRoute(APIRoute):
    """A route that reads its JSON strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def handle_strictly(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return handle_strictly


def responses_of(
    *use_cases: Callable[..., Any], also: Iterable[type[AppException]] = ()
) -> dict[int | str, dict[str, Any]]:
    """Document the errors that these use cases declare with `@raises`, by their status."""
    codes: dict[int, set[str]] = {}
    declared = (error for use_case in use_cases for error in errors_of(use_case))
    errors: list[type[AppException]] = [ValidationError, *also, *declared]
    for error in errors:
        codes.setdefault(int(outcome_of(error).http), set()).add(error.code)
    return {
        status: {"model": ErrorBody, "description": ", ".join(sorted(names))}
        for status, names in sorted(codes.items())
    }
