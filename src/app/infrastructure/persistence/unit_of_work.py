from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Self

from src.app.domain.common.aggregates.base import BaseAggregate
from src.app.domain.common.events.base import DomainEvent
from src.app.infrastructure.extensions.psql_ext import Cursors, Database, Executor
from src.app.infrastructure.messaging.outbox import write_events


class UnsavedAggregateError(RuntimeError):
    """A changed aggregate was not saved before the end of its unit of work: a fault of the caller."""


class PSQLUnitOfWork:
    """One PostgreSQL transaction, and the aggregates that were loaded or saved in it.

    A context's unit of work is a subclass with one property for each of its repositories.
    """

    executor: Executor

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stack = AsyncExitStack()
        self._tracked: list[BaseAggregate] = []
        self._events: list[DomainEvent] = []

    async def __aenter__(self) -> Self:
        self.executor = await self._stack.enter_async_context(self._database.transaction())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is None:
            try:
                self._refuse_unsaved()
                if self._events:
                    await write_events(self.executor, self._events)
            except BaseException as error:
                await self._stack.__aexit__(type(error), error, error.__traceback__)
                raise
        await self._stack.__aexit__(exc_type, exc, traceback)

    @property
    def cursors(self) -> Cursors:
        return self._database.cursors

    @property
    def reader(self) -> Executor:
        return self.executor

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Executor]:
        """Go on in the transaction that this is."""
        yield self.executor

    def reading(self) -> AbstractAsyncContextManager[Executor]:
        return self.transaction()

    def track(self, aggregate: BaseAggregate) -> None:
        """Remember a loaded aggregate, to notice when its changes are forgotten."""
        self._tracked.append(aggregate)

    def collect(self, aggregate: BaseAggregate) -> None:
        """Take the events of an aggregate that is being saved."""
        self._events.extend(aggregate.pull_events())

    def _refuse_unsaved(self) -> None:
        for aggregate in self._tracked:
            if aggregate.has_events:
                raise UnsavedAggregateError(
                    f"{type(aggregate).__name__} {aggregate.uuid} was changed and not saved; "
                    "call save() on its repository before the block ends"
                )
