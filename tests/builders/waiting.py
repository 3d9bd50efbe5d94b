import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2


async def until(condition: Callable[[], Awaitable[Any]], *, within: float = 10.0) -> None:
    """Wait until `condition` answers something true; fail when it does not in time."""
    async with asyncio.timeout(within):
        while not await condition():
            await asyncio.sleep(0.02)


async def until_ready(api: httpx2.AsyncClient) -> None:
    """Wait until the server that a client asks has started and can do its job."""

    async def is_ready() -> bool:
        try:
            return (await api.get("/health/ready/")).status_code == 200
        except httpx2.TransportError:
            return False

    await until(is_ready, within=30)
