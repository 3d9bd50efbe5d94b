"""The kinds of failure that the service knows.

    AppException
    ├── ValidationError            the input cannot be right, whatever the state
    ├── AuthenticationError        we do not know who asks
    ├── AuthorizationError         we know, and they may not
    ├── NotFoundError              it does not exist, or not for them
    ├── AlreadyExistsError         its name or number is taken
    ├── ConflictError              it is not in a state that allows this
    │   └── StaleVersionError      somebody else changed it in between
    ├── BusinessRuleError          a rule of the business forbids it
    ├── LimitExceededError         the plan does not include so much
    ├── RateLimitedError           too often
    └── ExternalServiceError       something that we depend on does not answer
        └── CircuitOpenError       … and we have stopped asking for a while

A leaf of a context names the rule and hangs below one of these; its `code` is a promise to
clients. What a kind means to HTTP, gRPC and messages stands in `interfaces/outcomes.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class AppException(Exception):
    """A failure with a stable code, a sentence for a person and details for a program.

    `details` are mappings of `key` and `value`, with `message` and `code` where the detail has
    its own. `field` is short for one detail about that field; further keywords are one
    `key`/`value` detail each. `retry_after` is in seconds, for a failure that passes.
    """

    code: ClassVar[str] = "ERROR"
    default_message: ClassVar[str] = "The request could not be completed"
    default_retry_after: ClassVar[float | None] = None

    def __init__(
        self,
        message: str | None = None,
        details: Sequence[Mapping[str, Any]] = (),
        *,
        field: str | None = None,
        retry_after: float | None = None,
        **facts: object,
    ) -> None:
        self.message = message or self.default_message
        self.retry_after = retry_after if retry_after is not None else self.default_retry_after
        self.details: list[dict[str, Any]] = [dict(detail) for detail in details]
        if field is not None:
            self.details.append({"key": field, "message": self.message, "code": self.code.lower()})
        self.details.extend({"key": key, "value": value} for key, value in facts.items())
        super().__init__(self.message)


class ValidationError(AppException):
    code = "VALIDATION_ERROR"
    default_message = "The input is not valid"


class AuthenticationError(AppException):
    code = "UNAUTHENTICATED"
    default_message = "Authentication credentials were not provided"


class AuthorizationError(AppException):
    code = "FORBIDDEN"
    default_message = "You do not have permission to perform this action"


class NotFoundError(AppException):
    code = "NOT_FOUND"
    default_message = "The requested resource was not found"


class AlreadyExistsError(AppException):
    code = "ALREADY_EXISTS"
    default_message = "The resource already exists"


class ConflictError(AppException):
    code = "CONFLICT"
    default_message = "The resource is not in a state that allows this"


class StaleVersionError(ConflictError):
    code = "CONFLICT"
    default_message = "The resource was changed by another request; read it again and retry"


class BusinessRuleError(AppException):
    code = "BUSINESS_RULE_VIOLATED"
    default_message = "A business rule forbids this"


class LimitExceededError(AppException):
    code = "LIMIT_EXCEEDED"
    default_message = "The plan does not include more of this"


class RateLimitedError(AppException):
    code = "RATE_LIMITED"
    default_message = "Too many requests; slow down"
    default_retry_after = 1.0


class ExternalServiceError(AppException):
    code = "EXTERNAL_SERVICE_ERROR"
    default_message = "A service that we depend on is not available"
    default_retry_after = 1.0


class CircuitOpenError(ExternalServiceError):
    code = "CIRCUIT_OPEN"
    default_message = "A service that we depend on has failed repeatedly; it is given time to recover"
