from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from src.app.domain.common.exceptions import ConflictError, ValidationError


class IdempotencyKeyReusedError(ValidationError):
    code = "IDEMPOTENCY_KEY_REUSED"
    default_message = "This Idempotency-Key was sent with another request; give each request a key of its own"


class RequestInProgressError(ConflictError):
    code = "REQUEST_IN_PROGRESS"
    default_message = "The request with this Idempotency-Key is still running"
    default_retry_after = 1.0


class RequestAlreadyDoneError(ConflictError):
    code = "REQUEST_ALREADY_DONE"
    default_message = (
        "The request with this Idempotency-Key was carried out, and its answer, which is secret, is not kept; "
        "with a new key it is carried out again"
    )


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request that its sender may send again: `fingerprint` is of all that it says."""

    caller: str
    operation: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    status: int
    body: bytes


class Attempt(Protocol):
    """One sending of a request: `before` is what an earlier one was answered, if there was one."""

    before: KeptAnswer | None

    async def keep(self, answer: KeptAnswer, *, is_secret: bool) -> None:
        """Keep the answer for who sends the request again; of a secret one, only that there was one."""


class IdempotencyKeys(Protocol):
    def attempt(self, request: KeyedRequest) -> AbstractAsyncContextManager[Attempt]:
        """Open the transaction in which a request is carried out; every unit of work inside joins it.

        Raises:
            RequestInProgressError: the same is running, here or in another process.
            IdempotencyKeyReusedError: the key stands for another request.
            RequestAlreadyDoneError: it was carried out, and its answer was a secret.
        """
