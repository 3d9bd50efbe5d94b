from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

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


@pytest.fixture(scope="session")
def served(running: Process) -> Served:
    return Served(running)


@pytest.fixture
async def client(served: Served, process: Process) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(served, client=("192.0.2.7", 4711))
    async with httpx2.AsyncClient(transport=transport, base_url="http://allium.test") as client:
        yield client
