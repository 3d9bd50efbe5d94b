from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, ClassVar

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from src.app.domain.common.exceptions import ExternalServiceError


class BaseRedisRepository:
    """Records in Redis: kept by key, as JSON, for a time.

        class VisitsRedisRepository(BaseRedisRepository):
            prefix = "visits"
            ttl = timedelta(days=1)

    Keys stand below `prefix`; a record without a `ttl` of its own takes that of the class.
    Every call raises ExternalServiceError when Redis does not answer.
    """

    prefix: ClassVar[str]
    ttl: ClassVar[timedelta] = timedelta(days=1)

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def get(self, key: str) -> Any:
        """Return the record, or None."""
        stored = await self._run("get", self._key(key))
        return None if stored is None else orjson.loads(stored)

    async def set(self, key: str, record: Any, *, ttl: timedelta | None = None) -> None:
        await self._run("set", self._key(key), orjson.dumps(record), px=self._milliseconds(ttl))

    async def set_if_absent(self, key: str, record: Any, *, ttl: timedelta | None = None) -> bool:
        """Store the record unless there is one, and tell whether it was stored."""
        stored = await self._run("set", self._key(key), orjson.dumps(record), px=self._milliseconds(ttl), nx=True)
        return stored is not None

    async def increment(self, key: str, by: int = 1, *, ttl: timedelta | None = None) -> int:
        """Add to a counter, which begins at 0 and lives from its first increment on; return its value."""
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.incrby(self._key(key), by)
            pipeline.pexpire(self._key(key), self._milliseconds(ttl), nx=True)
            try:
                value, _ = await pipeline.execute()
            except (RedisError, OSError, TimeoutError) as error:
                raise _unavailable() from error
        return int(value)

    async def delete(self, *keys: str) -> int:
        """Delete these and return how many there were."""
        return int(await self._run("delete", *map(self._key, keys))) if keys else 0

    async def remaining(self, key: str) -> timedelta | None:
        """Return how long the record will stay, or None where there is none."""
        milliseconds = int(await self._run("pttl", self._key(key)))
        return timedelta(milliseconds=milliseconds) if milliseconds >= 0 else None

    async def scan(self, pattern: str = "*") -> AsyncIterator[str]:
        """Yield the keys that match a glob pattern, in no order; one may come twice."""
        try:
            async for key in self._redis.scan_iter(match=self._key(pattern), count=500):
                yield key.decode().removeprefix(f"{self.prefix}:")
        except (RedisError, OSError, TimeoutError) as error:
            raise _unavailable() from error

    async def _run(self, command: str, *arguments: Any, **options: Any) -> Any:
        try:
            return await getattr(self._redis, command)(*arguments, **options)
        except (RedisError, OSError, TimeoutError) as error:
            raise _unavailable() from error

    def _key(self, key: str) -> str:
        return f"{self.prefix}:{key}"

    def _milliseconds(self, ttl: timedelta | None) -> int:
        return int((ttl or self.ttl).total_seconds() * 1000)


def _unavailable() -> ExternalServiceError:
    return ExternalServiceError("Redis does not answer")
