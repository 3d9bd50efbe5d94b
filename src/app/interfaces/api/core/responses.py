"""What a route declares of its answers beside their type: errors, and where they lead."""

from collections.abc import Callable, Mapping
from typing import Any

from src.app.application.common.raises import errors_of
from src.app.domain.common.exceptions import AppException
from src.app.interfaces.outcomes import outcome_of

CODES = "x-errors"
"""Where `responses_of` leaves the codes of a status, each with its message, for the document to write out."""


def responses_of(*use_cases: Callable[..., Any]) -> dict[int | str, dict[str, Any]]:
    """Return what a route declares of the errors that these use cases refuse with, by their `@raises`.

    What follows from the route itself (who asks, a body, a limit) the document adds, see `openapi/operations.py`.
    """
    return responses_with(*(error for use_case in use_cases for error in errors_of(use_case)))


def responses_with(*errors: type[AppException]) -> dict[int | str, dict[str, Any]]:
    """Return what a route declares of these errors, where no use case does."""
    declared: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        codes = declared.setdefault(int(outcome_of(error).http), {CODES: {}})[CODES]
        codes[error.code] = error.default_message
    return declared


def link(
    operation: str, *, parameters: Mapping[str, str] | None = None, body: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Say where an answer leads: to which operation, and what of the answer it is given (OpenAPI, Link Object).

    Written for v1; the document adapts it to the others.
    """
    return {
        "operationId": operation,
        **({"parameters": dict(parameters)} if parameters else {}),
        **({"requestBody": dict(body)} if body else {}),
    }


def leads_to(*links: Mapping[str, Any], status: int = 200) -> dict[str, Any]:
    """Return what a route hands to FastAPI as `openapi_extra`; from a list to its members it leads by itself."""
    return {"responses": {str(status): {"links": {one["operationId"]: one for one in links}}}}
