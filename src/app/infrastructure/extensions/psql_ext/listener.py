"""LISTEN on a connection of its own, again whenever it is lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

import asyncpg
from loguru import logger

from src.app.domain.common.exceptions import ExternalServiceError

RETRY_SECONDS = 0.5
PROBE_SECONDS = 5.0
PROBE_TIMEOUT = 2.0

PlainConnection: TypeAlias = asyncpg.Connection


@asynccontextmanager
async def listening(
    dsn: str,
    channel: str,
    *,
    heard: Callable[[str], None],
    connected: Callable[[PlainConnection], Awaitable[None]],
) -> AsyncIterator[None]:
    """Call `heard` with each payload notified on `channel` while the block runs.

    `connected` is awaited after each (re)connection, once nothing can be missed any more, to
    catch up with what was. The block begins when that is done for the first time.

    Raises:
        ExternalServiceError: it cannot be done for the first time; later it is tried again.
    """
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(_listen_for_ever(dsn, channel, heard, connected, ready), name=f"listen {channel}")
    try:
        await ready
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _listen_for_ever(
    dsn: str,
    channel: str,
    heard: Callable[[str], None],
    connected: Callable[[PlainConnection], Awaitable[None]],
    ready: "asyncio.Future[None]",
) -> None:
    while True:
        try:
            connection = await asyncpg.connect(dsn, timeout=PROBE_TIMEOUT, command_timeout=PROBE_TIMEOUT)
            try:
                lost = asyncio.Event()
                connection.add_termination_listener(lambda *_, lost=lost: lost.set())
                await connection.add_listener(channel, lambda *notification: heard(str(notification[-1])))
                await connected(connection)
                if not ready.done():
                    ready.set_result(None)
                await _until_lost(connection, lost)
            finally:
                connection.terminate()
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            if not ready.done():
                ready.set_exception(ExternalServiceError(f"The database cannot be listened to: {error}"))
                return
            logger.warning("Not listening on {}: {!r}; trying again", channel, error)
        await asyncio.sleep(RETRY_SECONDS)


async def _until_lost(connection: PlainConnection, lost: asyncio.Event) -> None:
    # A closed socket says so; a cable that was pulled does not, so it is asked now and then.
    while not lost.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(lost.wait(), PROBE_SECONDS)
            return
        await connection.execute("SELECT 1")
