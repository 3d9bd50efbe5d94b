from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from src.app.infrastructure.bootstrap import Process
from src.app.interfaces.api.app import make_app


class Served:
    """The application with the state that a server hands to it, on the process of the tests."""

    def __init__(self, process: Process) -> None:
        @asynccontextmanager
        async def already_running() -> AsyncIterator[Process]:
            yield process

        self.app = make_app(process.settings, already_running)
        self._state = {"process": process}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app({**scope, "state": self._state}, receive, send)


def asking(app: ASGIApp, **options: Any) -> httpx2.AsyncClient:
    """Return a client of an application in this process; `options` are of its transport."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app, **options), base_url="http://allium.test")


@pytest.fixture(scope="session")
def served(running: Process) -> Served:
    return Served(running)


@pytest.fixture
async def client(served: Served, process: Process) -> AsyncIterator[httpx2.AsyncClient]:
    async with asking(served, client=("192.0.2.7", 4711)) as client:
        yield client
