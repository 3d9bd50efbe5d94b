"""Requests that take too long, or come when there is too much to do already."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from src.app.infrastructure.bootstrap import Process
from src.app.interfaces.api.app import make_app
from tests.builders.users import PASSWORD, an_email
from tests.interfaces.api.conftest import Served, asking

SIGN_UP = "/api/v1/auth/sign-up/"


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


@asynccontextmanager
async def hanging(process: Process) -> AsyncIterator[None]:
    """Have PostgreSQL answer nothing on the connections of the process."""
    ours = "SELECT pid FROM pg_stat_activity WHERE application_name = current_setting('application_name')"
    pids = [pid for [pid] in await process.database.pool.fetch(ours)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


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

    async def test_a_transaction_that_was_given_up_takes_no_later_change_with_it(self, process: Process) -> None:
        body = {"email": an_email(), "password": PASSWORD, "issue_tokens": True}
        async with asking(serving(process, REQUEST_TIMEOUT_SECONDS=0.5)) as client:
            client.headers["Authorization"] = f"Bearer {(await client.post(SIGN_UP, json=body)).json()['access']}"
            await client.get("/api/v1/users/me/")  # who asks is known from here on, so BEGIN is next
            async with hanging(process):
                late = await client.patch("/api/v1/users/me/", json={"city": "late"})
            answer = await client.patch("/api/v1/users/me/", json={"city": "after"})

        assert (late.status_code, answer.status_code) == (504, 200)
        assert await process.database.pool.fetchval("SELECT city FROM users") == "after"

    async def test_one_with_a_key_is_given_up_as_any(self, process: Process) -> None:
        body = {"email": an_email(), "password": PASSWORD}
        key = {"Idempotency-Key": uuid4().hex}
        async with asking(serving(process, REQUEST_TIMEOUT_SECONDS=0.5)) as client:
            await client.post(SIGN_UP, json={**body, "email": an_email()})
            async with process.database.transaction() as other:
                await other.fetch("LOCK TABLE users")
                late = await client.post(SIGN_UP, json=body, headers=key)
            again = await client.post(SIGN_UP, json=body, headers=key)
            async with asyncio.timeout(5):
                while again.status_code == 409:  # until the server has heard that the first was given up
                    again = await client.post(SIGN_UP, json=body, headers=key)

        assert (late.status_code, late.json()["error"]["code"]) == (504, "DEADLINE_EXCEEDED")
        assert (again.status_code, again.headers.get("idempotency-replayed")) == (201, None)

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
