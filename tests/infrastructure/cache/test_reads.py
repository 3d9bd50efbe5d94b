"""Reads from the cache, on real PostgreSQL and Redis."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from src.app.application.common.filters import Q
from src.app.application.common.lists import ListQuery
from src.app.config.settings import ROOT, SettingsTest
from src.app.domain.common.exceptions import NotFoundError
from src.app.infrastructure.bootstrap import Process, bootstrap
from src.app.infrastructure.cache import cached, reads, redis_cache
from src.app.infrastructure.persistence.models.sessions import Session
from src.app.infrastructure.persistence.models.users import User
from src.app.infrastructure.repositories.base import BasePSQLRepository
from src.app.infrastructure.repositories.users_repository import UsersPSQLRepository, UsersPSQLUnitOfWork
from tests.builders.cities import Cities, lives_in, settled
from tests.builders.users import a_user
from tests.builders.waiting import until

HEARD = 1.0
"""How many seconds after a commit every process has heard of it, at the latest."""


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a machine that has much else to do be late."""
    monkeypatch.setattr(reads, "HEARING_SECONDS", 5.0)
    monkeypatch.setattr(redis_cache, "TICKS", 100)


@pytest.fixture
async def other(settings: SettingsTest, process: Process) -> AsyncIterator[Process]:
    """Return what another process has: its own connections, locks and knowledge."""
    async with bootstrap(settings, name="other") as other:
        await settled(other)
        yield other


@pytest.fixture
async def cities(process: Process) -> Cities:
    await lives_in(process, "Rome")
    await settled(process)
    return Cities(process)


def a_query(**changes: Any) -> ListQuery:
    asked = {"order": ("email",), "fields": None, "limit": 10, "offset": 0, "cursor": None, "with_total": True}
    return ListQuery(where=Q(), **{**asked, **changes})


class TestRead:
    async def test_the_second_is_answered_without_the_database(self, cities: Cities) -> None:
        assert [await cities.list_cities() for _ in range(3)] == [["Rome"]] * 3
        assert cities.made == 1

    async def test_another_process_is_answered_too(self, cities: Cities, other: Process) -> None:
        await Cities(other).list_cities()

        assert await cities.list_cities() == ["Rome"]
        assert cities.made == 0

    async def test_a_page_of_users_is_the_same_from_both(self, process: Process) -> None:
        user = a_user(city="Rome", meta={"theme": "dark", "sizes": [1, 2.5, None]})
        async with UsersPSQLUnitOfWork(process.database) as uow:
            await uow.users.add(user)
        await settled(process)
        read = Cities(process).page_users

        pages = [await read(a_query()) for _ in range(2)]

        assert pages[0] == pages[1]
        assert pages[0].items[0].uuid == user.uuid

    async def test_one_that_differs_in_an_argument_is_another(self, cities: Cities) -> None:
        await lives_in(cities.process, "Oslo", "bob@example.com")
        await settled(cities.process)

        assert await cities.find_city("ada@example.com") == "Rome"
        assert await cities.find_city(email="bob@example.com") == "Oslo"
        assert await cities.find_city(email="ada@example.com") == "Rome"
        assert cities.made == 2

    async def test_nothing_is_a_value_and_an_error_is_none(self, cities: Cities) -> None:
        await lives_in(cities.process, None)
        await settled(cities.process)

        assert [await cities.find_city("ada@example.com") for _ in range(2)] == [None, None]
        assert cities.made == 1
        for _ in range(2):
            with pytest.raises(NotFoundError):
                await cities.find_city("nobody@example.com")
        assert cities.made == 3

    @pytest.mark.parametrize("changes", [{"fields": ("email",)}, {"with_total": False}])
    async def test_a_page_that_is_cheap_or_of_chosen_fields_is_not_kept(
        self, process: Process, changes: dict[str, Any]
    ) -> None:
        await lives_in(process, "Rome")
        before = await kept(process)

        page = await Cities(process).page_users(a_query(**changes))

        assert page.items[0].email == "ada@example.com"
        assert await kept(process) == before

    async def test_who_changes_reads_their_change_and_nobody_else_does(self, cities: Cities) -> None:
        await cities.list_cities()
        async with cities.process.database.ambient_transaction():
            await lives_in(cities.process, "Oslo")
            assert await cities.list_cities() == ["Oslo"]
            assert await asyncio.create_task(cities.list_cities(), context=None) == ["Oslo"]

        assert await cities.list_cities() == ["Oslo"]

    async def test_an_argument_that_is_no_key_is_up_to_the_read(self, cities: Cities) -> None:
        for _ in range(2):
            await cities.list_cities(object())
        assert cities.made == 2

    async def test_what_nobody_kept_there_is_not_taken(self, cities: Cities) -> None:
        await cities.list_cities()
        async for key in cities.process.redis.scan_iter("cache:users:list_cities:*"):
            await cities.process.redis.set(key, f'{2**60} {{"not": "a list"}}')

        assert await cities.list_cities() == ["Rome"]
        assert cities.made == 2


class TestMetrics:
    async def test_it_says_what_became_of_each_read(self, cities: Cities) -> None:
        def counted() -> list[float]:
            outcomes = ("hit", "miss", "passed", "error")
            names = [{"read": "users:list_cities", "outcome": outcome} for outcome in outcomes]
            return [REGISTRY.get_sample_value("cache_reads_total", labels) or 0 for labels in names]

        before = counted()
        for _ in range(3):
            await cities.list_cities()
        await cities.list_cities(object())

        assert [now - then for now, then in zip(counted(), before, strict=True)] == [2, 1, 1, 0]


class TestDeclaration:
    def test_of_every_read_the_changes_are_announced_and_the_result_can_be_stored(self, process: Process) -> None:
        declared = [
            read.cached
            for repository in every(BasePSQLRepository)
            for read in vars(repository).values()
            if hasattr(read, "cached") and repository is not Sessions
        ]
        assert {read.name for read in declared} >= {"users:list_cities", "users:page_users"}

        for read in declared:
            process.read_cache._changes.refuse_unannounced(read.tables)
            assert read.key({}, server="").startswith(f"{read.name}:")

    def test_it_names_what_it_is_made_of(self) -> None:
        with pytest.raises(TypeError, match="names nothing"):
            cached(ttl=timedelta(minutes=1))(UsersPSQLRepository.get_user)

    async def test_changes_that_nobody_announces_are_refused(self, process: Process) -> None:
        with pytest.raises(RuntimeError, match="Nobody announces changes of sessions"):
            await Sessions(process.database, cache=process.read_cache).count_all()

    async def test_a_cache_is_for_its_own_database(self, process: Process) -> None:
        with pytest.raises(TypeError, match="no other source"):
            UsersPSQLRepository(process.replicas, cache=process.read_cache)

    async def test_a_value_of_another_shape_has_another_key(self, process: Process) -> None:
        def declared(result: Any) -> str:
            async def read(self: Any) -> Any: ...

            read.__annotations__["return"] = result
            key: str = cached(User, ttl=timedelta(minutes=1))(read).cached.key({}, server="")  # type: ignore[attr-defined]
            return key

        assert declared(list[int]) != declared(list[str])
        assert declared(list[int]) == declared(list[int])


class TestChange:
    async def test_the_next_read_here_sees_it(self, cities: Cities) -> None:
        for city in ("Oslo", "Bonn", "Kyiv"):
            await lives_in(cities.process, city)
            assert await cities.list_cities() == [city]

    async def test_every_process_sees_it_within_a_second(self, cities: Cities, other: Process) -> None:
        there = Cities(other)
        await there.list_cities()

        await lives_in(cities.process, "Oslo")

        async def is_seen() -> bool:
            return await there.list_cities() == ["Oslo"]

        await until(is_seen, within=HEARD)

    async def test_what_is_taken_back_changes_nothing(self, cities: Cities) -> None:
        await cities.list_cities()
        with pytest.raises(ZeroDivisionError):
            async with UsersPSQLUnitOfWork(cities.process.database) as uow:
                await uow.users.update({"email": "ada@example.com"}, {"city": "Oslo"})
                raise ZeroDivisionError

        assert await cities.list_cities() == ["Rome"]
        assert cities.made == 1

    async def test_inside_another_transaction_it_counts_when_that_commits(
        self, cities: Cities, other: Process
    ) -> None:
        there = Cities(other)
        await there.list_cities()
        async with cities.process.database.ambient_transaction():
            await lives_in(cities.process, "Oslo")
            await asyncio.sleep(0.1)
            assert await there.list_cities() == ["Rome"]
            assert there.made == 1

        async def is_seen() -> bool:
            return await there.list_cities() == ["Oslo"]

        await until(is_seen, within=HEARD)

    async def test_a_savepoint_that_is_taken_back_changes_nothing(self, cities: Cities) -> None:
        await cities.list_cities()
        async with cities.process.database.ambient_transaction():
            with pytest.raises(ZeroDivisionError):
                async with UsersPSQLUnitOfWork(cities.process.database) as uow:
                    await uow.users.update({"email": "ada@example.com"}, {"city": "Oslo"})
                    raise ZeroDivisionError

        assert await cities.list_cities() == ["Rome"]
        assert cities.made == 1

    @pytest.mark.parametrize("statement", ["UPDATE users SET city = 'Oslo'", "TRUNCATE users CASCADE"])
    async def test_it_counts_whoever_wrote(self, cities: Cities, statement: str) -> None:
        await cities.list_cities()

        await cities.process.database.pool.execute(statement)

        async def is_seen() -> bool:
            return await cities.list_cities() != ["Rome"]

        await until(is_seen, within=HEARD)

    async def test_a_writer_that_dies_after_its_commit_is_heard(
        self, cities: Cities, environment: Mapping[str, str]
    ) -> None:
        await cities.list_cities()
        code = (
            "import asyncio, asyncpg, os, signal, sys\n"
            "async def main():\n"
            "    connection = await asyncpg.connect(sys.argv[1])\n"
            "    await connection.execute(\"UPDATE users SET city = 'Oslo'\")\n"
            "    os.kill(os.getpid(), signal.SIGKILL)\n"
            "asyncio.run(main())\n"
        )
        arguments = [sys.executable, "-c", code, cities.process.settings.DB_DSN]
        dead = await asyncio.to_thread(subprocess.run, arguments, cwd=ROOT, env=dict(os.environ), check=False)
        assert dead.returncode == -signal.SIGKILL

        async def is_seen() -> bool:
            return await cities.list_cities() == ["Oslo"]

        await until(is_seen, within=HEARD)

    async def test_who_read_before_it_does_not_bring_the_old_back(self, cities: Cities, other: Process) -> None:
        there = Cities(other)
        there.may_end.clear()
        reading = asyncio.create_task(there.list_cities())
        await there.read.wait()

        await lives_in(cities.process, "Oslo")
        there.may_end.set()

        assert await reading == ["Rome"], "it began before"
        assert await cities.list_cities() == ["Oslo"]
        assert await there.list_cities() == ["Oslo"]

    async def test_a_transaction_that_began_first_and_ends_last_is_seen(self, cities: Cities) -> None:
        database = cities.process.database
        async with database.pool.acquire() as slow:
            transaction = slow.transaction()
            await transaction.start()
            await slow.execute(
                "INSERT INTO users (uuid, email, city) VALUES (gen_random_uuid(), 'z@e.com', 'Bonn')"
            )
            await lives_in(cities.process, "Oslo")
            assert await cities.list_cities() == ["Oslo"]
            await transaction.commit()

        async def is_seen() -> bool:
            return await cities.list_cities() == ["Oslo", "Bonn"]

        await until(is_seen, within=HEARD)

    async def test_a_process_that_was_not_there_does_not_take_the_old_one(
        self, cities: Cities, settings: SettingsTest
    ) -> None:
        await cities.list_cities()
        await lives_in(cities.process, "Oslo")
        await settled(cities.process)

        async with bootstrap(settings, name="later") as later:
            assert await Cities(later).list_cities() == ["Oslo"]

        assert await cities.list_cities() == ["Oslo"]
        assert cities.made == 1, "what the later one has made is good for the earlier one"


class TestOneAtATime:
    async def test_however_many_ask_it_is_made_once(self, cities: Cities, other: Process) -> None:
        there = Cities(other)

        answers = await asyncio.gather(*(reader.list_cities() for reader in (cities, there) for _ in range(30)))

        assert answers == [["Rome"]] * 60
        assert cities.made + there.made == 1

    async def test_while_nothing_can_be_kept_who_waits_shares_what_is_made(self, cities: Cities) -> None:
        async with cities.process.database.pool.acquire() as slow:
            transaction = slow.transaction()
            await transaction.start()
            await slow.execute("SELECT pg_current_xact_id()")
            await lives_in(cities.process, "Oslo")

            answers = await asyncio.gather(*(cities.list_cities() for _ in range(30)))

            await transaction.rollback()
        assert answers == [["Oslo"]] * 30
        assert cities.made <= 3, "who came before it was begun takes it"

    async def test_when_it_cannot_be_made_the_next_one_tries(self, cities: Cities) -> None:
        async def asked() -> str:
            with pytest.raises(NotFoundError):
                await cities.find_city("nobody@example.com")
            return "refused"

        assert await asyncio.gather(*(asked() for _ in range(5))) == ["refused"] * 5
        await lives_in(cities.process, "Oslo", "nobody@example.com")
        assert await cities.find_city("nobody@example.com") == "Oslo"

    async def test_who_gives_up_leaves_it_to_the_next(self, cities: Cities) -> None:
        cities.may_end.clear()
        first = asyncio.create_task(cities.list_cities())
        await cities.read.wait()
        second = asyncio.create_task(cities.list_cities())
        await asyncio.sleep(0.05)
        assert cities.made == 1

        cities.may_end.set()
        first.cancel()

        assert await second == ["Rome"]

    async def test_a_maker_that_died_is_not_waited_for_for_long(self, cities: Cities, other: Process) -> None:
        there = Cities(other)
        await cities.list_cities()
        [key] = [key async for key in cities.process.redis.scan_iter("cache:users:list_cities:*")]
        await lives_in(cities.process, "Oslo")
        await settled(cities.process)
        # As a process leaves it that is killed while it makes the value.
        assert await there.process.read_cache._redis.lock(
            key.decode().removeprefix("cache:"), "a dead one's", ttl=timedelta(seconds=2)
        )

        async with asyncio.timeout(10):
            answers = await asyncio.gather(
                *(reader.list_cities() for reader in (cities, there) for _ in range(20))
            )

        assert answers == [["Oslo"]] * 40
        assert cities.made + there.made == 2


class Sessions(UsersPSQLRepository):
    """Made of what nobody announces."""

    @cached(User, Session, ttl=timedelta(minutes=1))
    async def count_all(self) -> int:
        return 0


def every(kind: type[Any]) -> set[type[Any]]:
    return {kind}.union(*(every(child) for child in kind.__subclasses__()))


async def kept(process: Process) -> int:
    return len([key async for key in process.redis.scan_iter("cache:users:page_users:*")])
