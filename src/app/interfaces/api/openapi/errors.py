"""Errors as the document shows them: by status, each code with an example of its body."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self

from src.app.application.ports.idempotency import (
    IdempotencyKeyReusedError,
    RequestAlreadyDoneError,
    RequestInProgressError,
)
from src.app.domain.common.exceptions import (
    AppException,
    AuthenticationError,
    CircuitOpenError,
    ExternalServiceError,
    RateLimitedError,
    StaleVersionError,
    ValidationError,
)
from src.app.interfaces.api.core.json import unsupported_media_type
from src.app.interfaces.api.core.responses import CODES
from src.app.interfaces.api.errors import RequestError
from src.app.interfaces.api.middleware.body_limit import body_too_large, body_too_slow
from src.app.interfaces.api.middleware.deadline import deadline_exceeded
from src.app.interfaces.api.middleware.edge import headers_too_large, overloaded, unknown_host, url_too_long
from src.app.interfaces.api.openapi.components import reference, references
from src.app.interfaces.api.wire import not_http
from src.app.interfaces.outcomes import outcome_of


@dataclass(frozen=True, slots=True)
class Refusal:
    """One code that an operation may answer."""

    status: int
    code: str
    message: str

    @classmethod
    def of(cls, error: type[AppException]) -> Self:
        return cls(outcome_of(error).http, error.code, error.default_message)

    @classmethod
    def by_http(cls, error: RequestError) -> Self:
        return cls(error.status_code, error.code, str(error.detail))


# What HTTP itself refuses, before a use case is reached; and what any server may have to say.
ANYWHERE = (
    Refusal.by_http(not_http()),
    Refusal.by_http(unknown_host()),
    Refusal.by_http(url_too_long()),
    Refusal.by_http(headers_too_large()),
    Refusal(500, "INTERNAL_ERROR", "An unexpected error occurred"),
    Refusal.of(ExternalServiceError),
    Refusal.of(CircuitOpenError),
    Refusal.by_http(overloaded()),
    Refusal.by_http(deadline_exceeded()),
)
WITH_A_BODY = (
    Refusal(400, "INVALID_JSON", "The body is not JSON: Expecting value (line 1, column 1)"),
    Refusal.by_http(body_too_slow()),
    Refusal.by_http(body_too_large(1024 * 1024)),
    Refusal.by_http(unsupported_media_type("POST")),
)
WITH_INPUT = (Refusal.of(ValidationError),)
WITH_A_CALLER = (Refusal.of(AuthenticationError),)
WITH_A_KEY = tuple(
    map(Refusal.of, (IdempotencyKeyReusedError, RequestInProgressError, RequestAlreadyDoneError, ValidationError))
)
WITH_A_VERSION = (
    Refusal(412, "PRECONDITION_FAILED", StaleVersionError.default_message),
    Refusal.of(ValidationError),
)
WITH_A_LIMIT = (Refusal.of(RateLimitedError),)

_HEADERS = {401: "WWW-Authenticate", 409: "Retry-After", 429: "Retry-After", 503: "Retry-After"}


def responses(
    refusals: Iterable[Refusal], headers: Mapping[str, Any], components: dict[str, Any]
) -> dict[str, Any]:
    """Return a reference for each status; what it refers to is added to the components."""
    by_status: dict[int, dict[str, str]] = {}
    for refusal in refusals:
        by_status.setdefault(refusal.status, {}).setdefault(refusal.code, refusal.message)
    found: dict[str, Any] = {}
    for status, codes in sorted(by_status.items()):
        # Operations that refuse for the same reasons share what is said of them.
        name = ".".join((str(status), *sorted(codes)))
        components["responses"].setdefault(name, _response(status, codes, headers))
        for code, message in codes.items():
            components["examples"].setdefault(code, _example(status, code, message))
        found[str(status)] = reference("responses", name)
    return found


def refusals_in(declared: Mapping[int | str, Mapping[str, Any]]) -> list[Refusal]:
    """Return what a route declared with `responses_of`."""
    return [
        Refusal(int(status), code, message)
        for status, response in declared.items()
        for code, message in response.get(CODES, {}).items()
    ]


def _response(status: int, codes: Mapping[str, str], headers: Mapping[str, Any]) -> dict[str, Any]:
    own = references("headers", *(name for at, name in _HEADERS.items() if at == status))
    return {
        "description": f"{HTTPStatus(status).phrase}: {', '.join(sorted(codes))}",
        "headers": {**headers, **own},
        "content": {
            "application/json": {
                "schema": reference("schemas", "ErrorBody"),
                "examples": references("examples", *sorted(codes)),
            },
            "application/problem+json": {"schema": reference("schemas", "Problem")},
        },
    }


def _example(status: int, code: str, message: str) -> dict[str, Any]:
    is_about_input = code == ValidationError.code
    details = [{"field": "email", "message": "Field required", "code": "missing"}] if is_about_input else []
    return {
        "summary": message,
        "value": {
            "status_code": status,
            "message": message,
            "data": None,
            "error": {
                "id": "019b2f6e-7c4d-7d0a-8a3f-0b5c6d7e8f90",
                "code": code,
                "message": message,
                "details": details,
            },
            "meta": {
                "timestamp": "2026-03-01T12:00:00.000Z",
                "version": "v1",
                "request_id": "019b2f6e7c4d7d0a8a3f0b5c6d7e8f90",
            },
        },
    }
