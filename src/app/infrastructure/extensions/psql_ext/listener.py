"""LISTEN on a connection of its own, again whenever it is lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import NamedTuple, TypeAlias

import asyncpg
from loguru import logger

from src.app.domain.common.exceptions import ExternalServiceError

APPLICATION = "allium-listening"
RETRY_SECONDS = 0.5
PROBE_SECONDS = 0.4
PROBE_TIMEOUT = 2.0
CURRENT_SECONDS = 1.0

PlainConnection: TypeAlias = asyncpg.Connection


class Channel(NamedTuple):
    """Call `heard` with each payload that is notified on `name`.

    `connected` is awaited after each (re)connection, once nothing can be missed any more, to
    catch up with what was.
    """

    name: str
    heard: Callable[[str], None]
    connected: Callable[[PlainConnection], Awaitable[None]]


class Ear:
    """How much has been heard of what was notified."""

    def __init__(self) -> None:
        self._probed = float("-inf")
        self._asked = asyncio.Event()
        self._waiting: list[asyncio.Future[bool]] = []

    @property
    def is_current(self) -> bool:
        """Whether everything has been heard that was notified until a second ago."""
        return time.monotonic() < self._probed + CURRENT_SECONDS

    async def catch_up(self, *, within: float) -> bool:
        """Wait until everything has been heard that was notified before; tell whether that was in time."""
        if self._probed < 0:
            return False
        heard = asyncio.get_running_loop().create_future()
        self._waiting.append(heard)
        self._asked.set()
        with suppress(TimeoutError):
            return await asyncio.wait_for(heard, within)
        return False

    async def listen(
        self, connection: PlainConnection, channels: Sequence[Channel], ready: "asyncio.Future[None]"
    ) -> None:
        """Listen until the connection is lost."""
        lost = asyncio.Event()
        for event in (lost, self._asked):
            connection.add_termination_listener(lambda *_, event=event: event.set())
        try:
            for channel in channels:
                await connection.add_listener(channel.name, partial(_hear, channel))
            for channel in channels:
                await channel.connected(connection)
            # A closed socket says so; a cable that was pulled does not, so it is asked now and then.
            while not lost.is_set():
                await self._probe(connection)
                if not ready.done():
                    ready.set_result(None)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._asked.wait(), PROBE_SECONDS)
        finally:
            self._probed = float("-inf")
            self._answer(self._waiting, is_heard=False)

    async def _probe(self, connection: PlainConnection) -> None:
        self._asked.clear()
        waiting, began = self._waiting[:], time.monotonic()
        # What was notified before the question comes before the answer.
        await connection.execute("SELECT 1")
        self._probed = began
        self._answer(waiting, is_heard=True)

    def _answer(self, waiting: Sequence["asyncio.Future[bool]"], *, is_heard: bool) -> None:
        self._waiting = self._waiting[len(waiting) :]
        for heard in waiting:
            if not heard.done():
                heard.set_result(is_heard)


@asynccontextmanager
async def listening(dsn: str, *channels: Channel) -> AsyncIterator[Ear]:
    """Listen on these channels while the block runs, which begins once everybody is connected.

    Raises:
        ExternalServiceError: it cannot be done for the first time; later it is tried again.
    """
    ear = Ear()
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    names = ", ".join(channel.name for channel in channels)
    task = asyncio.create_task(_listen_for_ever(dsn, ear, channels, ready), name=f"listen {names}")
    try:
        await ready
        yield ear
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _listen_for_ever(dsn: str, ear: Ear, channels: Sequence[Channel], ready: "asyncio.Future[None]") -> None:
    while True:
        try:
            connection = await asyncpg.connect(
                dsn,
                timeout=PROBE_TIMEOUT,
                command_timeout=PROBE_TIMEOUT,
                server_settings={"application_name": APPLICATION},
            )
            try:
                await ear.listen(connection, channels, ready)
            finally:
                connection.terminate()
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            if not ready.done():
                ready.set_exception(ExternalServiceError(f"The database cannot be listened to: {error}"))
                return
            names = ", ".join(channel.name for channel in channels)
            logger.warning("Not listening on {}: {!r}; trying again", names, error)
        await asyncio.sleep(RETRY_SECONDS)


def _hear(channel: Channel, *notification: object) -> None:
    channel.heard(str(notification[-1]))
