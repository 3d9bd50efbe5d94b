"""The REST door while PostgreSQL or Redis is out, and when it is back."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import httpx2
import pytest

from src.app.config.settings import SettingsTest
from src.app.infrastructure.bootstrap import Process, bootstrap
from src.app.infrastructure.messaging.broker import Message
from src.app.infrastructure.messaging.clients.redis_streams_client import RedisStreamsBroker
from src.app.infrastructure.messaging.consumer import Consumer
from src.app.infrastructure.repositories.users_repository import UsersPSQLRepository
from src.app.interfaces.cli.consume import HANDLERS_MAP, handlers_of
from src.app.interfaces.outcomes import is_transient
from src.local.servers import PostgreSQL, Valkey
from tests.builders.users import PASSWORD, an_email
from tests.builders.waiting import until
from tests.conftest import migrate
from tests.interfaces.api.conftest import Served, asking


@dataclass(frozen=True)
class Stage:
    """A service of its own, with servers that a test may stop."""

    postgresql: PostgreSQL
    valkey: Valkey
    process: Process
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
        variables["MESSAGE_BROKER_URL"] = variables["REDIS_URL"]
        await asyncio.to_thread(migrate, variables)
        settings = cast("Any", SettingsTest)(_env_file=None, **variables)
        async with bootstrap(settings, name="stage") as process, asking(Served(process)) as client:
            sign_up = {"email": an_email(), "password": PASSWORD, "issue_tokens": True}
            answer = await client.post("/api/v1/auth/sign-up/", json=sign_up)
            yield Stage(postgresql, valkey, process, client, answer.json()["access"])


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


class TestConsumer:
    async def test_an_outage_of_postgresql_costs_no_message_an_attempt(self, stage: Stage) -> None:
        queue, emails = f"test.{uuid4().hex}", [an_email() for _ in range(40)]
        stop = asyncio.Event()
        process = stage.process
        async with RedisStreamsBroker.connect(process.settings.REDIS_URL, group="tests") as broker:
            consumer = Consumer(
                database=process.database,
                broker=broker,
                queue=queue,
                batch=10,
                handlers=handlers_of(HANDLERS_MAP, process.container),
                is_transient=is_transient,
                max_attempts=2,
            )
            running = asyncio.create_task(consumer.run(stop))
            stage.postgresql.kill()
            for email in emails:
                body = {"event": "user.create", "data": {"email": email}}
                await broker.publish([Message(body=json.dumps(body).encode())], queue=queue)
            await asyncio.sleep(4)
            assert not running.done()

            stage.postgresql.start()
            users = UsersPSQLRepository(process.database)

            async def all_made() -> bool:
                return await users.count({"email__in": emails}) == len(emails)

            await until(all_made, within=30)
            stop.set()
            await running
        assert await process.database.pool.fetchval("SELECT count(*) FROM dead_letters") == 0

    async def test_an_outage_of_the_broker_ends_nothing(self, stage: Stage) -> None:
        email, stop = an_email(), asyncio.Event()
        process = stage.process
        async with RedisStreamsBroker.connect(process.settings.REDIS_URL, group="tests") as broker:
            running = asyncio.create_task(
                process.consume(handlers_of(HANDLERS_MAP, process.container), is_transient=is_transient, stop=stop)
            )
            await asyncio.sleep(0.5)
            stage.valkey.kill()
            await asyncio.sleep(2)
            assert not running.done()

            stage.valkey.start()
            body = {"event": "user.create", "data": {"email": email}}
            await broker.publish([Message(body=json.dumps(body).encode())], queue=process.settings.DEFAULT_QUEUE)
            await until(lambda: UsersPSQLRepository(process.database).exists({"email": email}), within=30)
            stop.set()
            await running
