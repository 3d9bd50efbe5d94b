from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

# redis-py's defaults wait a minute for a server that swallows packets; nothing here may.
SOCKET_TIMEOUT = 0.25


@asynccontextmanager
async def connect_redis(url: str) -> AsyncIterator[Redis]:
    """Make a client whose commands fail within half a second; it connects when first used."""
    client = Redis.from_url(
        url,
        socket_timeout=SOCKET_TIMEOUT,
        socket_connect_timeout=SOCKET_TIMEOUT,
        retry=Retry(NoBackoff(), 1),
        health_check_interval=30,
    )
    try:
        yield client
    finally:
        await client.aclose()
