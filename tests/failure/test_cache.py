"""What is cached while Redis or the listening connection is out, and when they are back."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from loguru import logger

from src.app.config.settings import SettingsTest
from src.app.infrastructure.bootstrap import Process, bootstrap
from src.app.infrastructure.cache import RedisCache, reads
from src.app.infrastructure.extensions.psql_ext.listener import APPLICATION
from src.local.servers import Valkey
from tests.builders.cities import Cities, lives_in, settled
from tests.builders.waiting import until

PATIENCE = 3.0
"""How many seconds reads at the moment of an outage may take: far less than the default of any client."""


@dataclass(frozen=True)
class Stage:
    valkey: Valkey
    process: Process
    cities: Cities

    @property
    def cache(self) -> RedisCache:
        return cast("RedisCache", self.process.container.cache)

    @contextmanager
    def black_hole(self) -> Iterator[None]:
        """Let Valkey accept whatever comes and answer nothing."""
        assert self.valkey.pid is not None
        os.kill(self.valkey.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.valkey.pid, signal.SIGCONT)

    async def is_back(self) -> bool:
        return not self.cache.is_out


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a machine that has much else to do be late in hearing."""
    monkeypatch.setattr(reads, "HEARING_SECONDS", 2.0)


@pytest.fixture
async def stage(environment: Mapping[str, str], process: Process, tmp_path: Path) -> AsyncIterator[Stage]:
    with Valkey(tmp_path / "valkey") as valkey:
        settings = cast("Any", SettingsTest)(_env_file=None, **{**environment, **valkey.settings})
        async with bootstrap(settings, name="stage") as staged:
            await lives_in(staged, "Rome")
            await settled(staged)
            yield Stage(valkey, staged, Cities(staged))


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    said: list[str] = []
    sink = logger.add(lambda message: said.append(str(message)), level="WARNING", format="{message}")
    yield said
    logger.remove(sink)


class TestRedis:
    async def test_out_the_database_answers_and_it_is_said_once(self, stage: Stage, warnings: list[str]) -> None:
        await stage.cities.list_cities()
        stage.valkey.kill()

        async with asyncio.timeout(PATIENCE):
            answers = await asyncio.gather(*(stage.cities.list_cities() for _ in range(200)))
        assert answers == [["Rome"]] * 200
        assert stage.cache.is_out
        for _ in range(50):
            await stage.cities.list_cities()
        assert len([line for line in warnings if "Redis is out" in line]) == 1

        await asyncio.to_thread(stage.valkey.start)
        await until(stage.is_back, within=15)
        made = stage.cities.made
        await stage.cities.list_cities()
        await stage.cities.list_cities()
        assert stage.cities.made <= made + 1

    async def test_a_black_hole_holds_up_those_of_the_moment_alone(self, stage: Stage) -> None:
        await stage.cities.list_cities()
        with stage.black_hole():
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*(stage.cities.list_cities() for _ in range(200)))
            assert stage.cache.is_out
            async with asyncio.timeout(PATIENCE):
                for _ in range(50):
                    await stage.cities.list_cities()

        await until(stage.is_back, within=15)

    @pytest.mark.parametrize("outage", ["killed", "stopped"])
    async def test_what_changed_meanwhile_is_not_answered_from_before(self, stage: Stage, outage: str) -> None:
        await stage.cities.list_cities()
        if outage == "killed":
            stage.valkey.kill()
            await lives_in(stage.process, "Oslo")
            assert await stage.cities.list_cities() == ["Oslo"]
            await asyncio.to_thread(stage.valkey.start)
        else:
            with stage.black_hole():
                await lives_in(stage.process, "Oslo")
                assert await stage.cities.list_cities() == ["Oslo"]
        await until(stage.is_back, within=15)

        assert [key async for key in stage.process.redis.scan_iter("cache:users:list_cities:*")], (
            "it is still there"
        )
        assert await stage.cities.list_cities() == ["Oslo"]

    async def test_a_process_that_begins_meanwhile_is_not_answered_from_before(
        self, stage: Stage, environment: Mapping[str, str]
    ) -> None:
        await stage.cities.list_cities()
        with stage.black_hole():
            await lives_in(stage.process, "Oslo")
        settings = cast("Any", SettingsTest)(_env_file=None, **{**environment, **stage.valkey.settings})

        async with bootstrap(settings, name="later") as later:
            assert await Cities(later).list_cities() == ["Oslo"]


class TestOneAtATime:
    async def test_who_waits_does_not_ask_redis(self, stage: Stage) -> None:
        await stage.cities.find_city("ada@example.com")
        before = await stage.process.redis.info("commandstats")
        stage.cities.may_end.clear()
        stage.cities.read.clear()
        reading = [asyncio.create_task(stage.cities.list_cities()) for _ in range(40)]
        await stage.cities.read.wait()
        await asyncio.sleep(0.3)
        stage.cities.may_end.set()

        assert await asyncio.gather(*reading) == [["Rome"]] * 40
        after = await stage.process.redis.info("commandstats")
        calls = {name: after[name]["calls"] - before[name]["calls"] for name in ("cmdstat_get", "cmdstat_set")}
        assert calls["cmdstat_set"] == 2, "the lock, and the value"
        assert calls["cmdstat_get"] <= 40 + 2


class TestListening:
    async def test_who_changes_something_here_reads_it_though_nobody_hears(self, stage: Stage) -> None:
        await stage.cities.list_cities()
        pid = await listener(stage)
        os.kill(pid, signal.SIGSTOP)
        try:
            await lives_in(stage.process, "Oslo")
            assert await stage.cities.list_cities() == ["Oslo"]
        finally:
            os.kill(pid, signal.SIGCONT)

    async def test_while_nobody_hears_of_changes_the_database_answers(self, stage: Stage) -> None:
        await stage.cities.list_cities()
        await stage.process.database.pool.execute("SELECT pg_terminate_backend($1)", await listener(stage))
        await stage.process.database.pool.execute("UPDATE users SET city = 'Oslo'")

        async def is_seen() -> bool:
            return await stage.cities.list_cities() == ["Oslo"]

        await until(is_seen, within=PATIENCE)

        async def is_cached_again() -> bool:
            made = stage.cities.made
            await stage.cities.list_cities()
            return stage.cities.made == made

        await until(is_cached_again, within=10)
        assert await stage.cities.list_cities() == ["Oslo"]

    async def test_a_connection_that_says_nothing_is_not_relied_upon(self, stage: Stage) -> None:
        await stage.cities.list_cities()
        pid = await listener(stage)
        os.kill(pid, signal.SIGSTOP)
        try:
            await stage.process.database.pool.execute("UPDATE users SET city = 'Oslo'")

            async def is_seen() -> bool:
                return await stage.cities.list_cities() == ["Oslo"]

            await until(is_seen, within=PATIENCE)
        finally:
            os.kill(pid, signal.SIGCONT)


class TestUtilities:
    async def test_what_is_set_is_kept_until_it_is_deleted(self, stage: Stage) -> None:
        cache = stage.cache
        await cache.set_cache("users:1", {"name": "Ada"})
        await cache.set_cache("users:2", 5)
        await cache.set_cache("plans:1", [1])

        assert await cache.get_cache("users:1") == {"name": "Ada"}
        assert await cache.get_cache("users:2") == 5
        await cache.delete_cache("users:1")
        assert await cache.get_cache("users:1") is None
        await cache.delete_cache_pattern("users:*")
        assert await cache.get_cache("users:2") is None
        assert await cache.get_cache("plans:1") == [1]

    async def test_nothing_is_kept_longer_than_allowed(self, stage: Stage) -> None:
        await stage.cache.set_cache("a", 1, timedelta(days=400))
        await stage.cache.set_cache("b", 1, timedelta(seconds=10))

        day = stage.process.settings.REDIS_TTL_SECONDS
        assert day * 0.89 < await stage.process.redis.ttl("cache:a") <= day
        assert 8 <= await stage.process.redis.ttl("cache:b") <= 10

    async def test_what_is_deleted_while_redis_is_out_is_gone_when_it_is_back(self, stage: Stage) -> None:
        cache = stage.cache
        for key in ("users:1", "users:2", "plans:1", "plans:2"):
            await cache.set_cache(key, 1)
        with stage.black_hole():
            await cache.delete_cache("plans:1")
            await cache.delete_cache_pattern("users:*")
            await cache.set_cache("users:1", 2)
            async with asyncio.timeout(PATIENCE):
                assert [await cache.get_cache("users:1") for _ in range(50)] == [None] * 50
        await until(stage.is_back, within=15)

        assert [await cache.get_cache(key) for key in ("users:1", "users:2", "plans:1", "plans:2")] == [
            None
        ] * 3 + [1]


async def listener(stage: Stage) -> int:
    """Return the process of PostgreSQL that tells the stage what was notified: the youngest of its kind."""
    pid = await stage.process.database.pool.fetchval(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1 "
        "ORDER BY backend_start DESC LIMIT 1",
        APPLICATION,
    )
    return int(pid)
