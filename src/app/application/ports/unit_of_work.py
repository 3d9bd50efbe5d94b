from types import TracebackType
from typing import Protocol, Self


class UnitOfWork(Protocol):
    """One transaction. Leaving the block commits, an exception rolls back.

    The events of the aggregates that were saved inside are written to the outbox in the same
    commit. An aggregate that holds events and was not saved is a forgotten save: leaving the
    block then raises, and nothing is committed.
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
