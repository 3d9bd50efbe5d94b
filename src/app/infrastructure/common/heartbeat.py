"""A file that is touched while a process works, for who must know: supervisors and health checks."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

BEAT_SECONDS = 3.0

Beating = Callable[[], AbstractAsyncContextManager[None]]
"""Makes the sign of life of a process, which a loop enters when it is ready."""


@asynccontextmanager
async def heartbeat(file: Path | None) -> AsyncIterator[None]:
    """Touch `file` now and every few seconds while the event loop runs; take it away at the end."""
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


def heartbeat_from_thread(file: Path, stopped: threading.Event) -> None:
    """Touch `file` from a thread until `stopped` is set, for a process that has no event loop of its own."""

    def beat() -> None:
        while not stopped.is_set():
            _touch(file)
            stopped.wait(BEAT_SECONDS)
        file.unlink(missing_ok=True)

    threading.Thread(target=beat, name="heartbeat", daemon=True).start()


async def _beat(file: Path) -> None:
    while True:
        _touch(file)
        await asyncio.sleep(BEAT_SECONDS)


def _touch(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
