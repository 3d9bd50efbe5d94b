"""An error as gRPC carries it, in both directions: `google.rpc.Status` with its details.

    ErrorInfo    `reason` is our stable code, `metadata` the facts of the error
    BadRequest   one violation for each detail that has a message of its own
    RetryInfo    when to come back, where the error knows it

Of an error that nobody foresaw, only that it happened is told.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as Packed
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from src.app.domain.common.exceptions import AppException, ExternalServiceError
from src.app.interfaces.outcomes import OUTCOMES, outcome_of

DOMAIN = "allium"
# Callers take 8 KiB of metadata by default, of which the message, with its escapes, is a part too.
MAX_STATUS_BYTES = 4 * 1024
MAX_TEXT_LENGTH = 300


def status_of(error: AppException) -> Status:
    """Say what an error of ours is to gRPC; of more details than fit, the first ones."""
    details = error.details
    while (status := _status(error, details)).ByteSize() > MAX_STATUS_BYTES:
        details = details[: len(details) // 2]
    return status


def refusal(code: grpc.StatusCode, reason: str, message: str, facts: Mapping[str, str] | None = None) -> Status:
    """Say what no error of the application says: that the door itself refuses."""
    status = Status(code=code.value[0], message=_short(message))
    _add(status, ErrorInfo(reason=reason, domain=DOMAIN, metadata=facts))
    return status


def error_of(error: grpc.RpcError) -> AppException:
    """Read the error that a call of ours ended with.

    What Allium refuses comes back as the error it raised. Everything else, be it on the way or an
    unexpected failure over there, is an ExternalServiceError that names the code of gRPC.
    """
    status = _carried(error)
    found = {detail.TypeName(): detail for detail in status.details} if status is not None else {}
    info = _unpacked(found, ErrorInfo)
    kind = _kind_of(info.reason, error.code().name) if info.domain == DOMAIN else None
    details: list[dict[str, Any]] = [{"key": key, "value": value} for key, value in info.metadata.items()]
    if kind is None:
        details.append({"key": "grpc_code", "value": error.code().name})
        return ExternalServiceError(f"Allium: {error.details()}", details)
    details += [
        {"key": violation.field, "message": violation.description, "code": violation.reason.lower()}
        for violation in _unpacked(found, BadRequest).field_violations
    ]
    # A leaf may have a constructor of its own; what it would say has been said over there.
    raised = kind.__new__(kind)
    AppException.__init__(raised, error.details(), details)
    if raised.retry_after is not None:
        raised.retry_after = _unpacked(found, RetryInfo).retry_delay.ToTimedelta().total_seconds()
    return raised


def _carried(error: grpc.RpcError) -> Status | None:
    try:
        return rpc_status.from_call(error)
    except ValueError:  # somebody on the way has changed one half of it
        return None


def _status(error: AppException, details: Sequence[Mapping[str, Any]]) -> Status:
    facts = {detail["key"]: _short(detail["value"]) for detail in details if "value" in detail}
    violations = [
        BadRequest.FieldViolation(
            field=detail["key"], description=_short(detail["message"]), reason=detail.get("code", "").upper()
        )
        for detail in details
        if detail.get("message")
    ]
    status = refusal(grpc.StatusCode[outcome_of(type(error)).grpc], error.code, error.message, facts)
    if violations:
        _add(status, BadRequest(field_violations=violations))
    if error.retry_after is not None:
        _add(status, RetryInfo(retry_delay=timedelta(seconds=error.retry_after)))
    return status


def _kind_of(reason: str, code: str) -> type[AppException] | None:
    """Return the class that declares this code, else the kind of what a newer server may raise."""
    for kind in _tree(AppException):
        if kind.__dict__.get("code") == reason and outcome_of(kind).grpc == code:
            return kind
    return next((kind for kind, outcome in OUTCOMES.items() if outcome.grpc == code != "INTERNAL"), None)


def _tree(kind: type[AppException]) -> Iterator[type[AppException]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


def _add(status: Status, detail: Any) -> None:
    packed = Packed()
    packed.Pack(detail)
    status.details.append(packed)


def _unpacked(found: dict[str, Packed], kind: Any) -> Any:
    detail = kind()
    if packed := found.get(detail.DESCRIPTOR.full_name):
        packed.Unpack(detail)
    return detail


def _short(value: object) -> str:
    # A lone surrogate has no UTF-8 form, and an error must not fail for what it tells.
    return str(value)[:MAX_TEXT_LENGTH].encode(errors="replace").decode()
