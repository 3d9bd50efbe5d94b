"""How often a caller may come.

The general limit is counted in the process and settled with Redis each second, so that a request
makes no round trip: what is let in beyond it is at most what one second lets in. The strict ones
are exact, a sliding window on Redis. While Redis is out, both hold in each process by itself.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from functools import cache, partial
from typing import TYPE_CHECKING
from uuid import uuid4

from loguru import logger
from redis.asyncio import Redis
from redis.exceptions import RedisError

from src.app.application.common.actor import EVERYTHING, Actor
from src.app.application.ports.limits import Allowance, Limited
from src.app.config.settings import LimitSettings

if TYPE_CHECKING:
    from limits.aio.strategies import SlidingWindowCounterRateLimiter

WINDOW_SECONDS = 60
SETTLED_EACH_SECONDS = 1.0
REST_SECONDS = 5.0
_KEPT_SECONDS = 2 * WINDOW_SECONDS
_TIMEOUT_SECONDS = 0.25
_SETTLED_AT_ONCE = 500

_FAILURES = (RedisError, OSError, TimeoutError)


class General:
    """Counts the requests of each caller in the minute that runs."""

    def __init__(self, redis: Redis, per_minute: int) -> None:
        self._redis = redis
        self._per_minute = per_minute
        self._process = uuid4().hex
        self._minute = 0
        self._here: dict[str, int] = {}
        self._settled: dict[str, int] = {}
        self._total: dict[str, int] = {}
        self._is_out = False
        self._is_closed = False
        self._settling: asyncio.Task[None] | None = None

    def count(self, caller: str, per_minute: int | None = None) -> Allowance:
        """Count a request; `per_minute` are as many as this caller may make, if not the usual number."""
        limit = self._per_minute if per_minute is None else per_minute
        now = time.time()
        minute = int(now // WINDOW_SECONDS)
        if minute != self._minute:
            self._minute = minute
            for counts in (self._here, self._settled, self._total):
                counts.clear()
        if self._settling is None:
            # From the first request on, for the other processes of the service count none; and
            # outside of the context of that request.
            self._settling = asyncio.create_task(self._settle_until_closed(), context=Context())
        here = self._here.get(caller, 0) + 1
        self._here[caller] = here
        # What all had counted when it was settled, and what has been counted here since.
        total = self._total.get(caller, 0) + here - self._settled.get(caller, 0)
        return Allowance(
            policy="general",
            limit=limit,
            remaining=max(0, limit - total),
            reset=WINDOW_SECONDS - int(now) % WINDOW_SECONDS,
            is_exceeded=total > limit,
        )

    async def close(self) -> None:
        self._is_closed = True
        if self._settling is not None:
            self._settling.cancel()
            with suppress(asyncio.CancelledError):
                await self._settling

    async def _settle_until_closed(self) -> None:
        # A cancellation may be lost in the client of Redis, so the end is noted too.
        while not self._is_closed:
            await asyncio.sleep(SETTLED_EACH_SECONDS)
            try:
                await self.settle()
            except Exception:
                logger.exception("The counts of requests were not settled; again in a second")

    async def settle(self) -> None:
        """Tell Redis what was counted here since the last time, and hear what all have counted."""
        minute = self._minute
        if minute != int(time.time() // WINDOW_SECONDS):
            # Nobody came since the minute ended.
            return
        # Not all of the minute each time, and not all at once: to tell of ten thousand would keep
        # every request waiting for a third of a second.
        came = [(caller, count) for caller, count in self._here.items() if count != self._settled.get(caller)]
        for start in range(0, len(came), _SETTLED_AT_ONCE):
            if not await self._settle(minute, dict(came[start : start + _SETTLED_AT_ONCE])):
                return

    async def _settle(self, minute: int, here: dict[str, int]) -> bool:
        pipeline = self._redis.pipeline(transaction=False)
        for caller, count in here.items():
            # Each process writes its own count as a whole: sent twice, it is still the same.
            key = f"rate_limit:{caller}:{minute}"
            pipeline.hset(key, self._process, str(count))
            pipeline.expire(key, _KEPT_SECONDS)
            pipeline.hvals(key)
        try:
            answers = await pipeline.execute()
        except _FAILURES:
            if not self._is_out:
                logger.warning("Redis is out; each process limits requests by itself")
            self._is_out = True
            return False
        self._is_out = False
        if minute == self._minute:
            self._settled |= here
            self._total |= {
                caller: sum(map(int, counts)) for caller, counts in zip(here, answers[2::3], strict=True)
            }
        return True


class Strict:
    """Counts attempts exactly, in all processes."""

    def __init__(self, redis_url: str, limits: Mapping[Limited, int]) -> None:
        # Loaded by the processes that need it.
        from limits import RateLimitItemPerMinute
        from limits.aio.storage import MemoryStorage, RedisStorage
        from limits.aio.strategies import SlidingWindowCounterRateLimiter

        storage = RedisStorage(
            f"async+{redis_url}",
            implementation="redispy",
            key_prefix="rate_limit",
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
        )
        self._everywhere = SlidingWindowCounterRateLimiter(storage)
        self._here = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._items = {what: RateLimitItemPerMinute(limit, namespace=what) for what, limit in limits.items()}
        self._resting_until = 0.0

    async def hit(self, what: Limited, caller: str) -> Allowance:
        if time.monotonic() >= self._resting_until:
            try:
                return await self._hit(self._everywhere, what, caller)
            except _FAILURES:
                logger.warning("Redis is out; each process limits {} by itself for {:.0f} s", what, REST_SECONDS)
                self._resting_until = time.monotonic() + REST_SECONDS
        return await self._hit(self._here, what, caller)

    async def _hit(self, limiter: "SlidingWindowCounterRateLimiter", what: Limited, caller: str) -> Allowance:
        item = self._items[what]
        is_let_in = await limiter.hit(item, caller)
        reset, remaining = await limiter.get_window_stats(item, caller)
        return Allowance(
            policy=what,
            limit=item.amount,
            remaining=max(0, remaining),
            reset=max(1, round(reset - time.time())),
            is_exceeded=not is_let_in,
        )


class RedisRateLimits:
    def __init__(self, general: General, strict: Callable[[], Strict], *, with_admins: bool) -> None:
        self._general = general
        self._strict = cache(strict)
        self._with_admins = with_admins

    @classmethod
    @asynccontextmanager
    async def running(
        cls, settings: LimitSettings, *, redis: Redis, redis_url: str
    ) -> AsyncIterator["RedisRateLimits"]:
        """Limit while the block runs."""
        general = General(redis, settings.RATE_LIMIT_PER_MINUTE)
        limits = {
            Limited.SIGN_UP: settings.RATE_LIMIT_SIGN_UP_PER_MINUTE,
            Limited.TOKENS: settings.RATE_LIMIT_TOKENS_PER_MINUTE,
            Limited.RESET: settings.RATE_LIMIT_RESET_PER_MINUTE,
            Limited.VERIFICATION: settings.RATE_LIMIT_VERIFICATION_PER_MINUTE,
        }
        try:
            yield cls(general, partial(Strict, redis_url, limits), with_admins=settings.ADMIN_RATE_LIMIT_ENABLED)
        finally:
            await general.close()

    def count(self, caller: str, actor: Actor | None) -> Allowance | None:
        if actor is None:
            return self._general.count(caller)
        if actor.permissions >= EVERYTHING and not self._with_admins:
            return None
        return self._general.count(caller, actor.requests_per_minute)

    async def hit(self, what: Limited, caller: str) -> Allowance | None:
        return await self._strict().hit(what, caller)


class NoRateLimits:
    """Everybody may come as often as they like: `RATE_LIMIT_ENABLED=false`."""

    def count(self, caller: str, actor: Actor | None) -> None:  # noqa: ARG002
        return None

    async def hit(self, what: Limited, caller: str) -> None:  # noqa: ARG002
        return None
