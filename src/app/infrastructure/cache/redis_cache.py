"""Redis as a cache, by cashews; asked only while it answers.

A command has 200 ms. When one fails, nobody asks any more: a task of its own looks every few
seconds whether Redis is back, so that no request waits for it again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from datetime import timedelta
from functools import cached_property
from random import uniform
from typing import TYPE_CHECKING, Any, Self

import orjson
from loguru import logger
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from cashews import Cache as Cashews
    from cashews.backends.interface import Backend
    from cashews.commands import Command

PREFIX = "cache:"
TICK_SECONDS = 0.05
TICKS = 4
SOCKET_TIMEOUT_SECONDS = 1.0
MAX_CONNECTIONS = 50
REST_SECONDS = 3.0
MAX_OWED = 1000


class CacheOutError(Exception):
    """The cache does not answer, or is not asked because it did not."""


class RedisCache:
    def __init__(self, redis_url: str, *, longest: timedelta) -> None:
        self._redis_url = redis_url
        self._longest = longest
        self._recovering: asyncio.Task[None] | None = None
        self._given_up: set[asyncio.Future[Any]] = set()
        self._owed: set[tuple[str, str]] = set()
        self._is_closed = False

    @classmethod
    @asynccontextmanager
    async def running(cls, redis_url: str, *, longest: timedelta) -> AsyncIterator[Self]:
        """Connect when first asked, and close at the end of the block."""
        cache = cls(redis_url, longest=longest)
        try:
            yield cache
        finally:
            await cache._close()

    async def get_cache(self, key: str) -> Any:
        with suppress(CacheOutError):
            if (stored := await self.get(key)) is not None:
                return orjson.loads(stored)
        return None

    async def set_cache(self, key: str, value: Any, ttl: timedelta | None = None) -> None:
        stored = orjson.dumps(value)
        with suppress(CacheOutError):
            await self.set(key, stored, ttl=ttl or self._longest)

    async def delete_cache(self, key: str) -> None:
        await self._delete("delete", PREFIX + key)

    async def delete_cache_pattern(self, pattern: str) -> None:
        await self._delete("delete_match", PREFIX + pattern)

    @property
    def is_out(self) -> bool:
        return self._recovering is not None

    async def get(self, key: str) -> bytes | None:
        """Return the bytes that are kept.

        Raises:
            CacheOutError: nobody knows; as with the three below.
        """
        # The raw commands, for cashews' own take digits for a number and would unpickle the rest.
        stored: bytes | None = await self._cashews.get_raw(PREFIX + key)
        return stored

    async def set(self, key: str, stored: bytes, *, ttl: timedelta) -> None:
        # Not all at once shall be made anew that was made at once.
        milliseconds = min(ttl, self._longest).total_seconds() * uniform(900, 1000)  # noqa: S311
        await self._cashews.set_raw(PREFIX + key, stored, px=max(1, int(milliseconds)))

    async def lock(self, key: str, token: str, *, ttl: timedelta) -> bool:
        """Take a lock that nobody else has; it is free again after `ttl`, whatever becomes of its holder."""
        return await self._cashews.set_lock(f"{PREFIX}{key}:lock", token, ttl)

    async def unlock(self, key: str, token: str) -> None:
        await self._cashews.unlock(f"{PREFIX}{key}:lock", token)

    @cached_property
    def _cashews(self) -> "Cashews":
        # Loaded by the processes that need it.
        from cashews import Cache as Cashews

        cashews = Cashews()
        cashews.setup(
            self._redis_url,
            middlewares=(self._ask,),
            suppress=False,
            pickle_type="null",
            socket_timeout=SOCKET_TIMEOUT_SECONDS,
            socket_connect_timeout=SOCKET_TIMEOUT_SECONDS,
            max_connections=MAX_CONNECTIONS,
            # Once more, on a new connection: those of before a restart are dead.
            retry=Retry(NoBackoff(), 1),
        )
        return cashews

    async def _ask(
        self, call: Callable[..., Awaitable[Any]], cmd: "Command", backend: "Backend", *args: Any, **kwargs: Any
    ) -> Any:
        """Stand before every command of cashews (its middleware)."""
        del backend
        from cashews.commands import Command
        from cashews.exceptions import CacheBackendInteractionError

        if self._recovering is not None and asyncio.current_task() is not self._recovering:
            raise CacheOutError
        try:
            # A deletion by pattern goes through all keys; the socket's timeout bounds each step of it.
            if cmd is Command.DELETE_MATCH:
                return await call(*args, **kwargs)
            return await self._answered(call(*args, **kwargs))
        except (CacheBackendInteractionError, RedisError, OSError, TimeoutError) as error:
            self._rest(error)
            raise CacheOutError from error

    async def _answered(self, command: Awaitable[Any]) -> Any:
        """Wait for as long as `TICKS` take, in each of which an answer could be read.

        A process that is busy itself for as long has not read the answer that is there; to stop
        asking then would turn the load on the database.
        """
        asking = asyncio.ensure_future(command)
        try:
            for _ in range(TICKS):
                await asyncio.wait({asking}, timeout=TICK_SECONDS)
                if asking.done():
                    return asking.result()
        finally:
            if not asking.done():
                # A cancellation may be lost in the client of Redis, so nobody waits for the end.
                asking.cancel()
                self._given_up.add(asking)
                asking.add_done_callback(self._forget)
        raise TimeoutError

    def _forget(self, given_up: asyncio.Future[Any]) -> None:
        self._given_up.discard(given_up)
        if not given_up.cancelled():
            given_up.exception()

    def _rest(self, error: Exception) -> None:
        if self._recovering is None and not self._is_closed:
            logger.warning("Redis is out, nothing is cached: {!r}", error.__cause__ or error)
            # Outside of the context of the request that noticed.
            self._recovering = asyncio.create_task(self._recover(), context=Context())

    async def _recover(self) -> None:
        while not self._is_closed:
            await asyncio.sleep(REST_SECONDS)
            with suppress(CacheOutError):
                await self._cashews.ping()
                while self._owed:
                    how, what = next(iter(self._owed))
                    await getattr(self._cashews, how)(what)
                    self._owed.discard((how, what))
                logger.info("Redis is back")
                self._recovering = None
                return

    async def _delete(self, how: str, what: str) -> None:
        try:
            await getattr(self._cashews, how)(what)
        except CacheOutError:
            # Gone before anything is read here again.
            self._owed.add((how, what))
            if len(self._owed) > MAX_OWED:
                self._owed = {("delete_match", f"{PREFIX}*")}

    async def _close(self) -> None:
        self._is_closed = True
        if self._recovering is not None:
            self._recovering.cancel()
            with suppress(asyncio.CancelledError):
                await self._recovering
        if self._given_up:
            await asyncio.wait(self._given_up, timeout=SOCKET_TIMEOUT_SECONDS)
        if "_cashews" in self.__dict__:
            await self._cashews.close()
