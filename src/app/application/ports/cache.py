from datetime import timedelta
from typing import Any, Protocol


class Cache(Protocol):
    """What may be forgotten at any time, as JSON by key: results that were dear to make.

    None of these calls fails because the cache is out: there is nothing then, nothing is kept, and
    what is deleted is gone before this process is answered again.
    """

    async def get_cache(self, key: str) -> Any:
        """Return what is kept, or None."""

    async def set_cache(self, key: str, value: Any, ttl: timedelta | None = None) -> None:
        """Keep a value for `ttl`, at most for `REDIS_TTL_SECONDS`."""

    async def delete_cache(self, key: str) -> None: ...

    async def delete_cache_pattern(self, pattern: str) -> None:
        """Delete what matches a glob pattern: `users:*`."""
