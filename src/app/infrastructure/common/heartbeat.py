"""A file that is touched while a process works, for who must know: supervisors and health checks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

BEAT_SECONDS = 3.0


@asynccontextmanager
async def heartbeat(file: Path | None) -> AsyncIterator[None]:
    """Touch `file` now and every few seconds; it is taken away at the end. Without one, do nothing."""
    if file is None:
        yield
        return
    task = asyncio.create_task(_beat(file), name="heartbeat")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        file.unlink(missing_ok=True)


async def _beat(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    while True:
        file.touch()
        await asyncio.sleep(BEAT_SECONDS)
