"""The process's connections to PostgreSQL: one asyncpg pool for everything that the service does.

Statements are built and compiled by SQLAlchemy and run by asyncpg (docs/adr/0003). A call outside
a unit of work takes a connection for its one statement, in autocommit; a unit of work holds one
for its transaction. Nothing changes the state of a session, so none needs to be reset.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Protocol, TypeAlias

import asyncpg
from loguru import logger

from src.app.application.common.current import Current
from src.app.config.settings import DatabaseSettings
from src.app.domain.common.exceptions import ExternalServiceError
from src.app.infrastructure.extensions.psql_ext.cursors import Cursors
from src.app.infrastructure.extensions.psql_ext.errors import (
    DRIVER_ERRORS,
    ends_connection,
    may_be_repeated,
    translated,
)
from src.app.infrastructure.extensions.psql_ext.json import use_json

CONNECT_TIMEOUT = 2.0
CLOSE_TIMEOUT = 5.0
KEPT_AT_HAND = 4
ATTEMPTS = 3

Connection: TypeAlias = asyncpg.Connection

_ambient: ContextVar[tuple["Database", Connection] | None] = ContextVar("ambient_transaction", default=None)


class Executor:
    """Runs statements on one connection, and gives our errors for the driver's."""

    def __init__(self, connection: Connection, *, slow_ms: float) -> None:
        self._connection = connection
        self._slow_ms = slow_ms

    async def fetch(self, sql: str, args: Sequence[Any] = ()) -> list[asyncpg.Record]:
        """Run one statement and return its rows.

        Raises:
            AppException: what the SQLSTATE means to us; see `errors`.
        """
        return await _fetch(self._connection, sql, args, self._slow_ms)

    async def copy(
        self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, schema: str | None = None
    ) -> None:
        """Insert rows by COPY, all or none, each taken when it is sent.

        Raises:
            AppException: as `fetch`.
        """
        with translating(), _ended_if_given_up(self._connection):
            await self._connection.copy_records_to_table(table, schema_name=schema, columns=columns, records=rows)

    async def stream(self, sql: str, args: Sequence[Any], *, batch: int) -> AsyncIterator[asyncpg.Record]:
        """Yield the rows of a statement, `batch` of them in memory at a time; inside a transaction.

        Raises:
            AppException: as `fetch`.
        """
        with translating():
            async for row in self._connection.cursor(sql, *args, prefetch=batch):
                yield row


class Connections:
    """The connections of a pool, a few of them at hand.

    To take one out of asyncpg's pool and give it back costs half as much again as a read by key,
    so some stay out while nobody waits for them.
    """

    def __init__(self, pool: asyncpg.Pool, *, timeout: float) -> None:
        self._pool = pool
        self._timeout = timeout
        self._at_hand: list[Connection] = []
        self._waiting = 0

    async def take(self) -> Connection:
        """Return a connection that nobody else has until it is given back.

        Raises:
            ExternalServiceError: none became free in time.
        """
        while self._at_hand:
            connection = self._at_hand.pop()
            if not _is_lost(connection):
                return connection
            await self._pool.release(connection)
        self._waiting += 1
        try:
            with translating():
                return await self._pool.acquire(timeout=self._timeout)
        finally:
            self._waiting -= 1

    async def give_back(self, connection: Connection) -> None:
        # Whether it was lost is asked of those at hand when they are taken.
        if len(self._at_hand) < KEPT_AT_HAND and not self._waiting and not _is_in_transaction(connection):
            self._at_hand.append(connection)
            return
        # asyncpg has already closed what it fails to take back.
        with suppress(*DRIVER_ERRORS):
            await self._pool.release(connection)

    async def close(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                while self._at_hand:
                    await self._pool.release(self._at_hand.pop())
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()


class Autocommit(Executor):
    """Runs each statement by itself, on whichever connection is free; again, if another one got in its way."""

    def __init__(self, connections: Connections, *, slow_ms: float) -> None:
        self._connections = connections
        self._slow_ms = slow_ms

    async def fetch(self, sql: str, args: Sequence[Any] = ()) -> list[asyncpg.Record]:
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._fetch(sql, args)
            except ExternalServiceError as error:
                if not may_be_repeated(error):
                    raise
        return await self._fetch(sql, args)

    async def _fetch(self, sql: str, args: Sequence[Any]) -> list[asyncpg.Record]:
        connection = await self._connections.take()
        try:
            return await _fetch(connection, sql, args, self._slow_ms)
        finally:
            await self._connections.give_back(connection)


class Source(Protocol):
    """Where a repository works: the database, a transaction of a unit of work, or replicas."""

    @property
    def cursors(self) -> Cursors: ...

    @property
    def executor(self) -> Executor:
        """Where writes run."""

    @property
    def reader(self) -> Executor:
        """Where reads run."""

    def transaction(self) -> AbstractAsyncContextManager[Executor]:
        """Open a transaction to write in, or go on in the one there is."""

    def reading(self) -> AbstractAsyncContextManager[Executor]:
        """The same, to read in."""


class Database:
    """A pool of connections, and the transactions that run on it."""

    def __init__(self, pool: asyncpg.Pool, *, cursors: Cursors, acquire_timeout: float, slow_ms: float) -> None:
        self.pool = pool
        self.cursors = cursors
        self.commits = 0
        """How many transactions were committed here; who reads what changed may have to wait to hear of it."""
        self._slow_ms = slow_ms
        self._connections = Connections(pool, timeout=acquire_timeout)
        self._autocommit = Autocommit(self._connections, slow_ms=slow_ms)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        settings: DatabaseSettings,
        *,
        cursors: Cursors,
        application: str,
        slow_ms: float,
        dsn: str | None = None,
        has_deadlines: bool = False,
    ) -> AsyncIterator["Database"]:
        """Open a pool that grows with the load, and close it at the end.

        With `dsn` it is on another server than that of the settings, which need not answer yet. A
        server that hangs is given up a second after `DB_STATEMENT_TIMEOUT_SECONDS`, unless all that
        is asked here `has_deadlines` of its own: a timer for each statement costs 7 µs.

        Raises:
            ExternalServiceError: the server does not answer, or refuses us.
        """
        timeout_ms = int(settings.DB_STATEMENT_TIMEOUT_SECONDS * 1000)
        largest = settings.most_connections
        with translating():
            pool = await asyncpg.create_pool(
                dsn or settings.DB_DSN,
                min_size=0 if dsn else 1,
                max_size=largest,
                max_inactive_connection_lifetime=300,
                timeout=CONNECT_TIMEOUT,
                command_timeout=None if has_deadlines else settings.DB_STATEMENT_TIMEOUT_SECONDS + 1,
                connection_class=_StatelessConnection,
                init=use_json,
                server_settings={
                    "application_name": application,
                    "statement_timeout": str(timeout_ms),
                    "lock_timeout": str(timeout_ms),
                    "idle_in_transaction_session_timeout": str(10 * timeout_ms),
                    # A generic plan cannot stop early at LIMIT nor judge a range: 1.9 times the
                    # requests/s on filtered lists, and nothing lost on reads by key.
                    "plan_cache_mode": "force_custom_plan",
                    "jit": "off",
                    "timezone": "UTC",
                },
            )
            allowed = largest if dsn else int(await pool.fetchval("SHOW max_connections"))
        if largest > allowed:
            logger.warning("The pool may grow to {} connections, the server allows {} in all", largest, allowed)
        database = cls(pool, cursors=cursors, acquire_timeout=settings.DB_ACQUIRE_TIMEOUT_SECONDS, slow_ms=slow_ms)
        try:
            yield database
        finally:
            await database._connections.close()

    @property
    def reader(self) -> Executor:
        return self.executor

    @property
    def executor(self) -> Executor:
        """Where a single statement runs: in the transaction around it if there is one, else by itself."""
        ambient = self._joined
        return self._autocommit if ambient is None else Executor(ambient, slow_ms=self._slow_ms)

    @property
    def is_joined(self) -> bool:
        """Whether the caller stands in an `ambient_transaction`, and reads what it has changed."""
        return self._joined is not None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Executor]:
        """Open a transaction, or a savepoint in the one around it; see `ambient_transaction`.

        Raises:
            ExternalServiceError: no connection became free in time, or it was lost.
        """
        ambient = self._joined
        if ambient is not None:
            async with _transaction(ambient):
                yield Executor(ambient, slow_ms=self._slow_ms)
            return
        async with self._connection() as connection:
            yield Executor(connection, slow_ms=self._slow_ms)

    def reading(self) -> AbstractAsyncContextManager[Executor]:
        return self.transaction()

    @property
    def _joined(self) -> Connection | None:
        """The connection of the ambient transaction, if there is one on this database."""
        ambient = _ambient.get()
        return ambient[1] if ambient is not None and ambient[0] is self else None

    @asynccontextmanager
    async def ambient_transaction(self) -> AsyncIterator[Executor]:
        """Open a transaction that every unit of work inside the block joins.

        A consumer opens one around a handler, so that the record of the message and the effect
        of the handler commit together, without the services knowing of messages.
        """
        async with self._connection() as connection:
            token = _ambient.set((self, connection))
            try:
                yield Executor(connection, slow_ms=self._slow_ms)
            finally:
                _ambient.reset(token)

    async def ping(self) -> None:
        """Answer when a statement runs.

        Raises:
            ExternalServiceError: it does not.
        """
        await self._autocommit.fetch("SELECT 1")

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        connection = await self._connections.take()
        try:
            async with _transaction(connection):
                yield connection
            self.commits += 1
        finally:
            await self._connections.give_back(connection)


current_database: Current[Database] = Current("database")
"""What a repository made with nothing uses."""


class _StatelessConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    # What asyncpg would reset at each release is a round trip and nothing here sets it; a
    # transaction that was left open is still rolled back.
    def get_reset_query(self) -> str:
        return ""


def _is_in_transaction(connection: Connection) -> bool:
    try:
        return bool(connection.is_in_transaction())
    except asyncpg.InterfaceError:
        return False  # it was lost, and the pool has taken it back already


def _is_lost(connection: Connection) -> bool:
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        # The pool has taken it back already, as it does with one that broke.
        return True


def _end(connection: Connection) -> None:
    """Close a connection at once, unless the pool has taken it back already, as it does with one that broke."""
    with suppress(asyncpg.InterfaceError):
        connection.terminate()


@contextmanager
def translating() -> Iterator[None]:
    """Raise our error for a driver's."""
    try:
        yield
    except DRIVER_ERRORS as error:
        raise translated(error) from error


@asynccontextmanager
async def _transaction(connection: Connection) -> AsyncIterator[None]:
    """Open a transaction, or a savepoint in the one that runs on this connection."""
    transaction = connection.transaction()
    with translating(), _ended_if_given_up(connection):
        await transaction.start()
    try:
        yield
    except BaseException:
        # What failed is what counts; a connection that cannot even roll back is given up.
        with suppress(*DRIVER_ERRORS):
            if not _is_lost(connection):
                with _ended_if_given_up(connection):
                    await transaction.rollback()
        raise
    with translating(), _ended_if_given_up(connection):
        await transaction.commit()


@contextmanager
def _ended_if_given_up(connection: Connection) -> Iterator[None]:
    """End a connection whose statement was given up in the middle, which the server may still carry out.

    Whoever took it next would wait for that; and after a BEGIN, write into a transaction that
    nobody commits, and answer that it is done.
    """
    try:
        yield
    except (TimeoutError, asyncio.CancelledError):
        _end(connection)
        raise


async def _fetch(connection: Connection, sql: str, args: Sequence[Any], slow_ms: float) -> list[asyncpg.Record]:
    started = time.perf_counter()
    try:
        rows: list[asyncpg.Record] = await connection.fetch(sql, *args)
        return rows
    except (TimeoutError, asyncio.CancelledError) as error:
        # As `translating` and `_ended_if_given_up`, whose blocks would cost every statement some microseconds.
        _end(connection)
        if isinstance(error, TimeoutError):
            raise translated(error) from error
        raise
    except DRIVER_ERRORS as error:
        if ends_connection(error):
            # Whoever took it next would find it in the middle of what it did not end.
            _end(connection)
        raise translated(error) from error
    finally:
        elapsed_ms = (time.perf_counter() - started) * 1000
        if elapsed_ms > slow_ms:
            logger.warning("Slow query: {:.0f} ms: {}", elapsed_ms, sql)
