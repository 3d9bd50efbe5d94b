"""The process's connections to PostgreSQL: one asyncpg pool for everything that the service does.

Statements are built and compiled by SQLAlchemy and run by asyncpg (docs/adr/0003). A call outside
a unit of work takes a connection for its one statement, in autocommit; a unit of work holds one
for its transaction. Nothing changes the state of a session, so none needs to be reset.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import orjson
from loguru import logger

from src.app.config.settings import DatabaseSettings, LogSettings
from src.app.infrastructure.extensions.psql_ext.errors import translated

CONNECT_TIMEOUT = 2.0
CLOSE_TIMEOUT = 5.0
Connection: TypeAlias = asyncpg.Connection

_ambient: ContextVar[Connection | None] = ContextVar("ambient_transaction", default=None)


@dataclass(frozen=True, slots=True)
class Executor:
    """Runs statements on one connection, or on any of a pool, and gives our errors for its own."""

    target: Connection | asyncpg.Pool
    slow_ms: float

    async def fetch(self, sql: str, args: Sequence[Any] = ()) -> list[asyncpg.Record]:
        """Run one statement and return its rows.

        Raises:
            AppException: what the SQLSTATE means to us; see `errors`.
        """
        started = time.perf_counter()
        try:
            rows: list[asyncpg.Record] = await self.target.fetch(sql, *args)
            return rows
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise translated(error) from error
        finally:
            elapsed_ms = (time.perf_counter() - started) * 1000
            if elapsed_ms > self.slow_ms:
                logger.warning("Slow query: {:.0f} ms: {}", elapsed_ms, sql)

    async def copy(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows by COPY, in the transaction if there is one.

        Raises:
            AppException: as `fetch`.
        """
        try:
            await self.target.copy_records_to_table(table, columns=columns, records=rows)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise translated(error) from error


class Database:
    """A pool of connections, and the transactions that run on it."""

    def __init__(self, pool: asyncpg.Pool, *, acquire_timeout: float, slow_ms: float) -> None:
        self.pool = pool
        self._acquire_timeout = acquire_timeout
        self._slow_ms = slow_ms
        self._autocommit = Executor(pool, slow_ms)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, settings: DatabaseSettings, log: LogSettings, *, application: str
    ) -> AsyncIterator["Database"]:
        """Open the pool with its minimum of connections and close it at the end.

        Raises:
            ExternalServiceError: the server does not answer, or refuses us.
        """
        timeout_ms = int(settings.DB_STATEMENT_TIMEOUT_SECONDS * 1000)
        smallest = settings.CONNECTIONS_POOL_MIN_SIZE
        largest = max(1, smallest + settings.CONNECTIONS_POOL_MAX_OVERFLOW)
        try:
            pool = await asyncpg.create_pool(
                settings.DB_DSN,
                min_size=smallest,
                max_size=largest,
                max_inactive_connection_lifetime=300,
                timeout=CONNECT_TIMEOUT,
                command_timeout=settings.DB_STATEMENT_TIMEOUT_SECONDS + 1,
                connection_class=_StatelessConnection,
                init=_use_json,
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
        except (asyncpg.PostgresError, OSError, TimeoutError) as error:
            raise translated(error) from error
        allowed = int(await pool.fetchval("SHOW max_connections"))
        if largest > allowed:
            logger.warning("The pool may grow to {} connections, the server allows {} in all", largest, allowed)
        try:
            yield cls(pool, acquire_timeout=settings.DB_ACQUIRE_TIMEOUT_SECONDS, slow_ms=log.SLOW_QUERY_MS)
        finally:
            try:
                await asyncio.wait_for(pool.close(), CLOSE_TIMEOUT)
            except TimeoutError:
                pool.terminate()

    @property
    def executor(self) -> Executor:
        """Where a single statement runs: in the transaction around it if there is one, else by itself."""
        ambient = _ambient.get()
        return self._autocommit if ambient is None else Executor(ambient, self._slow_ms)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Executor]:
        """Open a transaction, or a savepoint in the one around it; see `ambient_transaction`.

        Raises:
            ExternalServiceError: no connection became free in time, or it was lost.
        """
        ambient = _ambient.get()
        if ambient is not None:
            async with ambient.transaction():
                yield Executor(ambient, self._slow_ms)
            return
        async with self._connection() as connection:
            yield Executor(connection, self._slow_ms)

    @asynccontextmanager
    async def ambient_transaction(self) -> AsyncIterator[Executor]:
        """Open a transaction that every unit of work inside the block joins.

        A consumer opens one around a handler, so that the record of the message and the effect
        of the handler commit together, without the services knowing of messages.
        """
        async with self._connection() as connection:
            token = _ambient.set(connection)
            try:
                yield Executor(connection, self._slow_ms)
            finally:
                _ambient.reset(token)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            connection = await self.pool.acquire(timeout=self._acquire_timeout)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            raise translated(error) from error
        try:
            transaction = connection.transaction()
            await transaction.start()
            try:
                yield connection
            except BaseException:
                if not connection.is_closed():
                    await transaction.rollback()
                raise
            try:
                await transaction.commit()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                raise translated(error) from error
        finally:
            await self.pool.release(connection)

    async def ping(self) -> None:
        """Answer when a statement runs.

        Raises:
            ExternalServiceError: it does not.
        """
        await self._autocommit.fetch("SELECT 1")


_running: Database | None = None


def set_running_database(database: Database | None) -> None:
    """Say which database a repository made with nothing uses; `bootstrap` does."""
    global _running  # noqa: PLW0603
    _running = database


def running_database() -> Database:
    if _running is None:
        raise RuntimeError("No database is running in this process; enter bootstrap(settings) first")
    return _running


class _StatelessConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    # What asyncpg would reset at each release is a round trip and nothing here sets it; a
    # transaction that was left open is still rolled back.
    def get_reset_query(self) -> str:
        return ""


async def _use_json(connection: Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        # COPY is binary, so the codec is: a version byte, then the text.
        encoder=lambda value: b"\x01" + orjson.dumps(value, default=_plain),
        decoder=lambda stored: orjson.loads(stored[1:]),
        format="binary",
    )


def _plain(value: object) -> str:
    # asyncpg's UUID is a subclass, which orjson does not take for one.
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
