import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from src.app.domain.common.exceptions import ExternalServiceError
from src.app.infrastructure.bootstrap import Process
from src.app.infrastructure.extensions.redis_ext import connect_redis
from src.app.infrastructure.repositories.common_redis_repository import CommonRedisRepository
from src.local.ports import free_port

RECORD = {"name": "Ada", "n": [1, None]}


@pytest.fixture
async def records(process: Process) -> AsyncIterator[CommonRedisRepository]:
    repository = CommonRedisRepository(process.redis)
    yield repository
    await repository.delete(*[key async for key in repository.scan()])


class TestRecords:
    async def test_what_was_set_can_be_got_until_it_is_deleted(self, records: CommonRedisRepository) -> None:
        await records.set("a", RECORD)

        assert await records.get("a") == RECORD
        assert await records.delete("a", "b") == 1
        assert await records.get("a") is None

    async def test_a_record_stays_for_its_time(self, records: CommonRedisRepository) -> None:
        await records.set("a", RECORD, ttl=timedelta(milliseconds=50))
        await records.set("b", RECORD)

        remaining = await records.remaining("b")
        assert remaining is not None
        assert timedelta(hours=23) < remaining <= timedelta(days=1)
        await asyncio.sleep(0.1)
        assert (await records.get("a"), await records.remaining("a")) == (None, None)

    async def test_of_many_at_once_one_is_first(self, records: CommonRedisRepository) -> None:
        answers = await asyncio.gather(*(records.set_if_absent("a", number) for number in range(8)))

        assert answers.count(True) == 1
        assert await records.get("a") == answers.index(True)

    async def test_increments_add_up_and_the_counter_expires(self, records: CommonRedisRepository) -> None:
        await asyncio.gather(*(records.increment("n", 2, ttl=timedelta(seconds=9)) for _ in range(10)))

        assert await records.increment("n", 0) == 20
        remaining = await records.remaining("n")
        assert remaining is not None
        assert remaining <= timedelta(seconds=9)

    async def test_keys_are_found_by_pattern(self, records: CommonRedisRepository) -> None:
        for key in ("user:1", "user:2", "other"):
            await records.set(key, 1)

        assert {key async for key in records.scan("user:*")} == {"user:1", "user:2"}


class TestOutage:
    async def test_every_call_says_that_redis_is_out(self) -> None:
        async with connect_redis(f"redis://127.0.0.1:{free_port()}/0") as redis:
            records = CommonRedisRepository(redis)
            for call in (records.get("a"), records.set("a", 1), records.increment("a"), records.delete("a")):
                with pytest.raises(ExternalServiceError, match="Redis"):
                    await call
            with pytest.raises(ExternalServiceError, match="Redis"):
                [key async for key in records.scan()]
