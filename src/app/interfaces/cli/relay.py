"""Events from the outbox to the broker and our own subscribers: `python -m src.app.interfaces.cli.relay`."""

import asyncio

from src.app.config.settings import Settings
from src.app.infrastructure.bootstrap import bootstrap
from src.app.interfaces.cli.process import run
from src.app.interfaces.consumers.subscribers import subscribers_of


async def relay(settings: Settings, stop: asyncio.Event) -> None:
    async with bootstrap(settings, name="relay") as process:
        await process.relay(subscribers_of(process.container), stop=stop)


if __name__ == "__main__":
    run(relay)
