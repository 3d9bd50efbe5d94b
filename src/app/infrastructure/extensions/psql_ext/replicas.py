"""Reads that may be a little behind go to the replicas, in turn."""

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg
from loguru import logger

from src.app.domain.common.exceptions import ExternalServiceError
from src.app.infrastructure.extensions.psql_ext.cursors import Cursors
from src.app.infrastructure.extensions.psql_ext.database import Database, Executor
from src.app.infrastructure.extensions.psql_ext.errors import is_outage, may_be_repeated

REST_SECONDS = 5.0
_ONLY_READS = "A repository on replicas only reads; make one on the database to write"


class Replicas:
    """A source of reads for who allows stale data: `UsersPSQLRepository(replicas)`.

    A replica that does not answer rests for a while; where none is left, the primary is asked.
    """

    def __init__(self, primary: Database, replicas: Sequence[Database]) -> None:
        self._primary = primary
        self._replicas = list(replicas)
        self._resting: dict[Database, float] = {}
        self.reader: Executor = _InTurn(self)

    @property
    def cursors(self) -> Cursors:
        return self._primary.cursors

    @property
    def executor(self) -> Executor:
        """Refuse.

        Raises:
            RuntimeError: always; a repository on replicas only reads.
        """
        raise RuntimeError(_ONLY_READS)

    def transaction(self) -> AbstractAsyncContextManager[Executor]:
        """Refuse, as `executor` does."""
        raise RuntimeError(_ONLY_READS)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Executor]:
        """Open a transaction on the first that answers."""
        async with AsyncExitStack() as stack:
            yield await self._opened(stack)

    def in_turn(self) -> Iterator[Database]:
        """Yield who may be asked, the primary at last."""
        now = time.monotonic()
        if self._replicas:
            self._replicas.append(self._replicas.pop(0))
        for one in list(self._replicas):
            rests_until = self._resting.get(one)
            if rests_until is None:
                yield one
            elif rests_until <= now:
                # One request finds out for all whether it is back.
                self._resting[one] = now + REST_SECONDS
                yield one
        yield self._primary

    async def _opened(self, stack: AsyncExitStack) -> Executor:
        for database in self.in_turn():
            try:
                executor = await stack.enter_async_context(database.transaction())
            except ExternalServiceError as error:
                self.failed(database, error)
            else:
                self.answered(database)
                return executor
        raise AssertionError("the primary answers or raises")

    def answered(self, database: Database) -> None:
        self._resting.pop(database, None)

    def failed(self, database: Database, error: ExternalServiceError) -> None:
        """Let a replica rest; what the primary says stands, and so does what took too long."""
        if may_be_repeated(error) and database is not self._primary:
            # What it was replaying got in the way, which is no fault of its own.
            return
        if database is self._primary or not is_outage(error):
            raise error
        logger.warning("A replica does not answer, it rests for {:.0f} s", REST_SECONDS)
        self._resting[database] = time.monotonic() + REST_SECONDS


class _InTurn(Executor):
    def __init__(self, replicas: Replicas) -> None:
        self._replicas = replicas

    async def fetch(self, sql: str, args: Sequence[Any] = ()) -> list[asyncpg.Record]:
        for database in self._replicas.in_turn():
            try:
                rows = await database.executor.fetch(sql, args)
            except ExternalServiceError as error:
                self._replicas.failed(database, error)
            else:
                self._replicas.answered(database)
                return rows
        raise AssertionError("the primary answers or raises")
