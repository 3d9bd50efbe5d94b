"""What every process of ours does around its loop: one event loop, and an orderly end."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

import uvloop

from src.app.config.settings import Settings, SettingsError, load_settings
from src.app.domain.common.exceptions import AppException


def run(main: Callable[[Settings, asyncio.Event], Awaitable[None]]) -> None:
    """Run `main` until it returns; SIGTERM and SIGINT set the event that asks it to.

    A second signal, or `SHUTDOWN_TIMEOUT` seconds, end it at once. What keeps a process from
    starting is said in one line, not by a traceback.
    """
    try:
        uvloop.run(_supervise(main, load_settings()))
    except (SettingsError, AppException) as error:
        sys.exit(str(error))
    except TimeoutError:
        sys.exit("What was in hand did not end within SHUTDOWN_TIMEOUT, and was given up")


async def _supervise(main: Callable[[Settings, asyncio.Event], Awaitable[None]], settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_, stop.set)
    running = asyncio.ensure_future(main(settings, stop))
    asked = asyncio.ensure_future(stop.wait())
    await asyncio.wait({running, asked}, return_when=asyncio.FIRST_COMPLETED)
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(signal_)
    asked.cancel()
    await asyncio.wait_for(running, settings.SHUTDOWN_TIMEOUT if not running.done() else None)
