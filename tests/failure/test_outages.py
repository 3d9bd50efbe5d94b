"""The REST door while PostgreSQL or Redis is out, and when it is back."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest

from src.app.application.container import running as running_container
from src.app.config.settings import SettingsTest
from src.app.infrastructure.bootstrap import Process, bootstrap
from src.app.infrastructure.extensions.psql_ext import running_database, set_running_database
from src.local.servers import PostgreSQL, Valkey
from tests.builders.users import PASSWORD, an_email
from tests.builders.waiting import until
from tests.conftest import migrate
from tests.interfaces.api.conftest import Served


@dataclass(frozen=True)
class Stage:
    """A service of its own, with servers that a test may stop."""

    postgresql: PostgreSQL
    valkey: Valkey
    client: httpx2.AsyncClient
    token: str

    async def me(self) -> httpx2.Response:
        return await self.client.get("/api/v1/users/me/", headers={"Authorization": f"Bearer {self.token}"})

    async def signs_up(self) -> httpx2.Response:
        return await self.client.post("/api/v1/auth/sign-up/", json={"email": an_email(), "password": PASSWORD})

    async def is_back(self) -> bool:
        return (await self.me()).status_code == 200 and (await self.signs_up()).status_code == 201


@pytest.fixture
async def stage(environment: Mapping[str, str], running: Process, tmp_path: Path) -> AsyncIterator[Stage]:
    with PostgreSQL(tmp_path / "postgresql") as postgresql, Valkey(tmp_path / "valkey") as valkey:
        variables = {**environment, **postgresql.settings, **valkey.settings}
        await asyncio.to_thread(migrate, variables)
        settings = cast("Any", SettingsTest)(_env_file=None, **variables)
        before = running_database(), running.container
        async with bootstrap(settings, name="stage") as process:
            transport = httpx2.ASGITransport(Served(process))
            async with httpx2.AsyncClient(transport=transport, base_url="http://allium.test") as client:
                sign_up = {"email": an_email(), "password": PASSWORD, "issue_tokens": True}
                answer = await client.post("/api/v1/auth/sign-up/", json=sign_up)
                yield Stage(postgresql, valkey, client, answer.json()["access"])
        set_running_database(before[0])
        running_container.use(before[1])


class TestPostgreSQL:
    async def test_out_everything_answers_503_at_once_and_back_everything_works(self, stage: Stage) -> None:
        assert await stage.is_back()
        stage.postgresql.kill()

        for call in (stage.me, stage.signs_up):
            began = time.monotonic()
            answer = await call()
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "EXTERNAL_SERVICE_ERROR")
            assert int(answer.headers["retry-after"]) >= 1
            assert time.monotonic() - began < 5
        assert (await stage.client.get("/health/live/")).status_code == 200
        ready = await stage.client.get("/health/ready/")
        assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")

        stage.postgresql.start()
        await until(stage.is_back, within=20)

    async def test_a_restart_leaves_no_broken_connections_behind(self, stage: Stage) -> None:
        for _ in range(2):
            stage.postgresql.restart()
            await until(stage.is_back, within=20)


class TestRedis:
    async def test_out_the_service_goes_on_and_says_so(self, stage: Stage) -> None:
        stage.valkey.kill()

        assert await stage.is_back()
        ready = await stage.client.get("/health/ready/")
        assert (ready.status_code, ready.json()["status"], ready.json()["missing"]) == (200, "degraded", ["redis"])
