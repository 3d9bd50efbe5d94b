"""Requests that take too long, or come when there is too much to do already."""

import asyncio
from typing import Any

import httpx2
import pytest

from src.app.infrastructure.bootstrap import Process
from src.app.interfaces.api.app import make_app
from tests.interfaces.api.conftest import Served


def serving(process: Process, **settings: Any) -> Served:
    """Serve the process with other settings, and a route that takes as long as it is asked to."""
    served = Served(process)
    served.app = make_app(process.settings.model_copy(update=settings), lambda: pytest.fail("runs already"))

    @served.app.get("/slow")
    async def slow(seconds: float, stubborn: bool = False) -> str:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            if not stubborn:
                raise
            await asyncio.sleep(seconds)
        return "done"

    @served.app.get("/query")
    async def query(seconds: float) -> str:
        await process.database.executor.fetch("SELECT pg_sleep($1)", [seconds])
        return "done"

    return served


def asking(served: Served) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(served), base_url="http://allium.test")


class TestDeadline:
    async def test_what_takes_too_long_is_given_up(self, process: Process) -> None:
        async with asking(serving(process, REQUEST_TIMEOUT_SECONDS=0.2)) as client:
            late = await client.get("/slow", params={"seconds": 30})
            stubborn = await client.get("/slow", params={"seconds": 30, "stubborn": True})
            quick = await client.get("/slow", params={"seconds": 0})

        assert (late.status_code, late.json()["error"]["code"]) == (504, "DEADLINE_EXCEEDED")
        assert (stubborn.status_code, stubborn.json()["error"]["code"]) == (504, "DEADLINE_EXCEEDED")
        assert (quick.status_code, quick.json()) == (200, "done")

    async def test_the_statement_is_given_up_too_and_the_pool_goes_on(self, process: Process) -> None:
        running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND state = 'active'"
        async with asking(serving(process, REQUEST_TIMEOUT_SECONDS=0.2)) as client:
            asked = [client.get("/query", params={"seconds": 30}) for _ in range(5)]
            late = await asyncio.gather(*asked)
            after = await client.get("/query", params={"seconds": 0})

        assert [answer.status_code for answer in late] == [504] * 5
        assert after.status_code == 200
        async with asyncio.timeout(5):
            while await process.database.pool.fetchval(running) > 1:  # this one
                await asyncio.sleep(0.02)

    async def test_somebody_elses_cancellation_goes_on(self, process: Process) -> None:
        async with asking(serving(process, REQUEST_TIMEOUT_SECONDS=30)) as client:
            asked = asyncio.create_task(client.get("/slow", params={"seconds": 30}))
            await asyncio.sleep(0.1)
            asked.cancel()

            with pytest.raises(asyncio.CancelledError):
                await asked


class TestOverload:
    async def test_what_is_too_much_is_refused_at_once_and_health_is_not(self, process: Process) -> None:
        async with asking(serving(process, MAX_REQUESTS_AT_ONCE=2)) as client:
            held = [asyncio.create_task(client.get("/slow", params={"seconds": 0.5})) for _ in range(2)]
            await asyncio.sleep(0.1)
            refused = await client.get("/api/v2/debug/ping/")
            alive = await client.get("/health/live/")
            answers = await asyncio.gather(*held)
            after = await client.get("/api/v2/debug/ping/")

        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "OVERLOADED")
        assert refused.headers["retry-after"] == "1"
        assert alive.status_code == 200
        assert [answer.status_code for answer in answers] == [200, 200]
        assert after.status_code == 200
