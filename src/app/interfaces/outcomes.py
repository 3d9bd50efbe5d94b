"""What each kind of error means to each protocol. A kind without a row takes its parent's."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from src.app.domain.common.exceptions import (
    AlreadyExistsError,
    AppException,
    AuthenticationError,
    AuthorizationError,
    BusinessRuleError,
    ConflictError,
    ExternalServiceError,
    LimitExceededError,
    NotFoundError,
    RateLimitedError,
    StaleVersionError,
    ValidationError,
)


class OnMessage(StrEnum):
    """What becomes of a message whose handler failed with this."""

    RETRY = "retry"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`grpc` is the name of a `grpc.StatusCode`: only the gRPC process loads that library."""

    http: HTTPStatus
    grpc: str
    message: OnMessage


INTERNAL = Outcome(HTTPStatus.INTERNAL_SERVER_ERROR, "INTERNAL", OnMessage.RETRY)

OUTCOMES: dict[type[AppException], Outcome] = {
    AppException: INTERNAL,
    ValidationError: Outcome(HTTPStatus.UNPROCESSABLE_ENTITY, "INVALID_ARGUMENT", OnMessage.DEAD),
    AuthenticationError: Outcome(HTTPStatus.UNAUTHORIZED, "UNAUTHENTICATED", OnMessage.DEAD),
    AuthorizationError: Outcome(HTTPStatus.FORBIDDEN, "PERMISSION_DENIED", OnMessage.DEAD),
    # What is not there yet may be told of by a message that is still on its way.
    NotFoundError: Outcome(HTTPStatus.NOT_FOUND, "NOT_FOUND", OnMessage.RETRY),
    AlreadyExistsError: Outcome(HTTPStatus.CONFLICT, "ALREADY_EXISTS", OnMessage.DEAD),
    StaleVersionError: Outcome(HTTPStatus.CONFLICT, "ABORTED", OnMessage.RETRY),
    ConflictError: Outcome(HTTPStatus.CONFLICT, "FAILED_PRECONDITION", OnMessage.DEAD),
    BusinessRuleError: Outcome(HTTPStatus.UNPROCESSABLE_ENTITY, "FAILED_PRECONDITION", OnMessage.DEAD),
    LimitExceededError: Outcome(HTTPStatus.FORBIDDEN, "RESOURCE_EXHAUSTED", OnMessage.DEAD),
    RateLimitedError: Outcome(HTTPStatus.TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", OnMessage.RETRY),
    ExternalServiceError: Outcome(HTTPStatus.SERVICE_UNAVAILABLE, "UNAVAILABLE", OnMessage.RETRY),
}


def outcome_of(error: type[AppException]) -> Outcome:
    """Return the row of an error's nearest kind."""
    return next(OUTCOMES[kind] for kind in error.__mro__ if kind in OUTCOMES)


def is_transient(error: AppException) -> bool:
    """Tell whether a message that failed with this may succeed later."""
    return outcome_of(type(error)).message is OnMessage.RETRY
