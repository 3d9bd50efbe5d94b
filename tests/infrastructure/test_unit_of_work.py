import asyncio
import traceback
from contextlib import AsyncExitStack

import pytest
from loguru import logger

from src.app.domain.common.exceptions import ExternalServiceError, ValidationError
from src.app.infrastructure.bootstrap import Process
from src.app.infrastructure.persistence.unit_of_work import UnsavedAggregateError
from src.app.infrastructure.repositories.users_repository import UsersPSQLRepository, UsersPSQLUnitOfWork
from tests.builders.outbox import Outbox
from tests.builders.users import NOW, a_user


class TestLeaving:
    async def test_an_exception_takes_everything_back(self, process: Process) -> None:
        with pytest.raises(ZeroDivisionError):
            async with UsersPSQLUnitOfWork(process.database) as uow:
                await uow.users.add(a_user())
                raise ZeroDivisionError

        assert await UsersPSQLRepository(process.database).count() == 0

    async def test_an_early_return_commits(self, process: Process) -> None:
        async def add_and_return() -> None:
            async with UsersPSQLUnitOfWork(process.database) as uow:
                await uow.users.add(a_user())
                return

        await add_and_return()

        assert await UsersPSQLRepository(process.database).count() == 1

    async def test_a_cancelled_one_takes_everything_back(self, process: Process) -> None:
        async def add_and_wait() -> None:
            async with UsersPSQLUnitOfWork(process.database) as uow:
                await uow.users.add(a_user())
                await asyncio.sleep(60)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(add_and_wait(), 0.2)

        assert await UsersPSQLRepository(process.database).count() == 0


class TestForgottenSave:
    async def test_a_changed_aggregate_that_was_not_saved_is_refused(self, process: Process) -> None:
        user = a_user()
        async with UsersPSQLUnitOfWork(process.database) as uow:
            await uow.users.add(user)

        with pytest.raises(UnsavedAggregateError, match="call save"):
            async with UsersPSQLUnitOfWork(process.database) as uow:
                loaded = await uow.users.get_locked(user.uuid)
                loaded.deactivate(now=NOW)

        assert await UsersPSQLRepository(process.database).exists({"uuid": user.uuid, "is_active": True})

    async def test_a_saved_one_tells_its_events(self, process: Process) -> None:
        user = a_user()
        async with UsersPSQLUnitOfWork(process.database) as uow:
            await uow.users.add(user)
            user.deactivate(now=NOW)
            await uow.users.save(user)

        assert await Outbox(process.database).names() == ["user.deactivated"]


class TestAmbientTransaction:
    async def test_units_of_work_inside_commit_and_fail_together(self, process: Process) -> None:
        users = UsersPSQLRepository(process.database)

        with pytest.raises(ZeroDivisionError):
            async with process.database.ambient_transaction():
                async with UsersPSQLUnitOfWork(process.database) as uow:
                    await uow.users.add(a_user())
                assert await users.count() == 1
                raise ZeroDivisionError

        assert await users.count() == 0

    async def test_a_failed_one_inside_takes_only_itself_back(self, process: Process) -> None:
        users = UsersPSQLRepository(process.database)
        user = a_user()

        async with process.database.ambient_transaction():
            await users.add(user)
            with pytest.raises(ZeroDivisionError):
                async with UsersPSQLUnitOfWork(process.database) as uow:
                    await uow.users.add(a_user())
                    raise ZeroDivisionError

        assert [row.uuid for row in await users.get_list()] == [user.uuid]


class TestSlowQueries:
    async def test_they_are_logged_without_their_values(self, process: Process) -> None:
        lines: list[str] = []
        sink = logger.add(lambda message: lines.append(str(message)), format="{message}")
        try:
            await process.database.executor.fetch("SELECT pg_sleep(0.6), $1::text", ["a secret value"])
        finally:
            logger.remove(sink)

        (line,) = lines
        assert "Slow query" in line
        assert "a secret value" not in line


class TestErrors:
    async def test_the_values_of_a_refused_row_are_nowhere_in_its_error(self, process: Process) -> None:
        with pytest.raises(ValidationError) as refused:
            await process.database.executor.fetch(
                "INSERT INTO users (uuid, email, password_hashed) VALUES (gen_random_uuid(), 'A@x', 'the hash')"
            )

        assert "the hash" not in "".join(traceback.format_exception(refused.value))


class TestPool:
    async def test_who_waits_too_long_for_a_connection_is_told_to_come_back(self, process: Process) -> None:
        database = process.database

        async with asyncio.TaskGroup() as group:
            enough = asyncio.Event()

            async def hold() -> None:
                async with database.transaction():
                    await enough.wait()

            for _ in range(database.pool.get_max_size()):
                group.create_task(hold())
            await asyncio.sleep(0.3)
            with pytest.raises(ExternalServiceError, match="not available"):
                async with database.transaction():
                    pass
            enough.set()

    async def test_a_single_read_waits_no_longer(self, process: Process) -> None:
        database = process.database

        async with AsyncExitStack() as stack:
            for _ in range(database.pool.get_max_size()):
                await stack.enter_async_context(database.transaction())
            with pytest.raises(ExternalServiceError, match="not available"):
                await database.executor.fetch("SELECT 1")

    async def test_who_waits_gets_the_next_one_that_is_free(self, process: Process) -> None:
        database = process.database

        async with AsyncExitStack() as stack:
            for _ in range(database.pool.get_max_size() - 1):
                await stack.enter_async_context(database.transaction())
            answers = await asyncio.gather(*(database.executor.fetch("SELECT 1") for _ in range(20)))

        assert len(answers) == 20
