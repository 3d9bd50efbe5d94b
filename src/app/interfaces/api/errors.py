"""The one body of every error of this door, whatever raised it."""

import re
import traceback
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import HTTPException
from fastapi.exceptions import RequestValidationError
from loguru import logger
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.responses import Response
from starlette.types import Scope
from uuid_utils.compat import uuid7

from src.app.application.common.context import request_id
from src.app.domain.common.exceptions import AppException, AuthenticationError, StaleVersionError
from src.app.interfaces.api.versions import DEFAULT_VERSION
from src.app.interfaces.outcomes import outcome_of

MAX_DETAILS = 50
MAX_FIELD_LENGTH = 200

_QUALITY = re.compile(r"[01](\.[0-9]{0,3})?")

_OF_STATUS: dict[int, tuple[str, str]] = {
    400: ("BAD_REQUEST", "The request is malformed"),
    404: ("NOT_FOUND", "The requested resource was not found"),
    405: ("METHOD_NOT_ALLOWED", "This method is not allowed here"),
    413: ("PAYLOAD_TOO_LARGE", "The body is too large"),
    415: ("UNSUPPORTED_MEDIA_TYPE", "This type of body is not taken here"),
}


class RequestError(HTTPException):
    """A request that HTTP itself forbids, before it reaches a use case; with a code of its own."""

    def __init__(self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, message, headers)
        self.code = code


def answer(scope: Scope, error: Exception) -> Response:
    """Answer any error with the one body."""
    match error:
        case AppException():
            return _answer_app_exception(scope, error)
        case RequestValidationError():
            return _answer_invalid_request(scope, error)
        case StarletteHTTPException():
            return _answer_http_exception(scope, error)
        case _:
            return error_response(scope, 500, "INTERNAL_ERROR", "An unexpected error occurred", cause=error)


def _answer_app_exception(scope: Scope, error: AppException) -> Response:
    headers = {}
    if isinstance(error, AuthenticationError):
        headers["WWW-Authenticate"] = f'Bearer error="invalid_token", error_description="{error.code}"'
        if error.code == AuthenticationError.code:
            headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after)))
    status, code = outcome_of(type(error)).http, error.code
    if isinstance(error, StaleVersionError) and any(name == b"if-match" for name, _ in scope["headers"]):
        status, code = HTTPStatus.PRECONDITION_FAILED, "PRECONDITION_FAILED"
    return error_response(
        scope, status, code, error.message, [_detail(detail) for detail in error.details], headers, error
    )


def _answer_invalid_request(scope: Scope, error: RequestValidationError) -> Response:
    """Say which fields are wrong. What was sent is not repeated: it may be a password, or no JSON."""
    details = [
        {
            "field": (".".join(str(part) for part in wrong["loc"][1:]) or str(wrong["loc"][0]))[:MAX_FIELD_LENGTH],
            "message": wrong["msg"],
            "code": wrong["type"],
        }
        for wrong in error.errors()[:MAX_DETAILS]
    ]
    return error_response(scope, 422, "VALIDATION_ERROR", "The input is not valid", details)


def _answer_http_exception(scope: Scope, error: StarletteHTTPException) -> Response:
    status = error.status_code
    code, message = _OF_STATUS.get(status, (HTTPStatus(status).name, HTTPStatus(status).phrase))
    if isinstance(error, RequestError):
        code, message = error.code, str(error.detail)
    headers = error.headers
    # The documents stand on routes of Starlette's, which say for themselves what they take.
    if status == HTTPStatus.METHOD_NOT_ALLOWED and "route" in scope:
        headers = _all_methods(scope)
    # What HTTP itself forbids is told by the line of the request, and an overload is no time to write more.
    cause = None if isinstance(error, RequestError) else error
    return error_response(scope, status, code, message, headers=headers, cause=cause)


def _all_methods(scope: Scope) -> dict[str, str]:
    """Return `Allow`: what the routes of this path take together, and not the first of them alone."""
    path = scope["route"].path
    routes = (route for route in scope["app"].routes if getattr(route, "path", None) == path)
    return {"Allow": ", ".join(sorted({method for route in routes for method in route.methods}))}


def error_response(
    scope: Scope,
    status: int,
    code: str,
    message: str,
    details: Sequence[Mapping[str, Any]] = (),
    headers: Mapping[str, str] | None = None,
    cause: BaseException | None = None,
) -> Response:
    """Build the body; one of 500 and above is logged with its traceback, under the id that it shows."""
    error: dict[str, Any] = {"id": str(uuid7()), "code": code, "message": message, "details": details}
    if cause is not None and status >= 500:
        logger.bind(error_id=error["id"]).opt(exception=cause).error("{} {}: {!r}", status, code, cause)
        if scope["app"].debug:
            error["traceback"] = traceback.format_exception(cause)
    body = {
        "status_code": status,
        "message": message,
        "data": None,
        "error": error,
        "meta": {
            "timestamp": datetime.now(UTC),
            "version": scope.get("api_version", DEFAULT_VERSION),
            "request_id": request_id.get(),
        },
    }
    if _wants_problem(scope):
        return Response(to_json(_as_problem(body)), int(status), headers, "application/problem+json")
    return Response(to_json(body), int(status), headers, "application/json")


def _wants_problem(scope: Scope) -> bool:
    """Tell whether the client asks for RFC 9457, at least as much as for plain JSON."""
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept").lower()
    if b"application/problem+json" not in accepted:
        return False
    weights = {}
    for part in accepted.decode("latin-1").split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        quality = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
        weights[name] = float(quality) if _QUALITY.fullmatch(quality) else 0.0
    return weights.get("application/problem+json", 0.0) >= max(weights.get("application/json", 0.0), 0.001)


def _as_problem(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same as a problem: its `type` says no more than the status, `code` says which."""
    error = {name: value for name, value in body["error"].items() if name != "message"}
    return {
        "type": "about:blank",
        "title": HTTPStatus(body["status_code"]).phrase,
        "status": body["status_code"],
        "detail": body["message"],
        **error,
        "meta": body["meta"],
    }


def to_json(body: Mapping[str, Any]) -> bytes:
    """Write what this door adds to a body; moments as RFC 3339 has them in UTC."""
    return orjson.dumps(body, default=str, option=orjson.OPT_UTC_Z)


def _detail(detail: Mapping[str, Any]) -> dict[str, Any]:
    # The domain says `key`, after the prototype; clients know it as the field that is wrong.
    shown = {"field": detail.get("key"), "message": detail.get("message"), "code": detail.get("code")}
    return shown if detail.get("value") is None else {**shown, "value": detail["value"]}
