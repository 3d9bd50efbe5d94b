"""Processes that are killed in the middle, and what is true afterwards."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from src.app.infrastructure.bootstrap import Process
from src.app.infrastructure.repositories.users_repository import UsersPSQLRepository
from tests.builders.outbox import Outbox
from tests.builders.processes import CONSUME, RELAY, WORKER, started
from tests.builders.users import a_new_user, an_email
from tests.builders.waiting import until

MESSAGES = 150


@pytest.fixture
def variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Names of its own for each test, so that nothing is left from another."""
    names = {"DEFAULT_QUEUE": f"test.{uuid4().hex}", "DEFAULT_EXCHANGER": f"test.{uuid4().hex}"}
    return {**environment, **names}


class TestConsumer:
    async def test_killed_again_and_again_it_makes_every_user_once(
        self, process: Process, variables: dict[str, str], tmp_path: Path
    ) -> None:
        emails = [an_email() for _ in range(MESSAGES)]
        users = UsersPSQLRepository(process.database)
        async with process.redis.pipeline(transaction=False) as pipeline:
            for email in emails:
                for _ in range(2):
                    body = {"event": "user.create", "id": f"of-{email}", "data": {"email": email}}
                    pipeline.xadd(variables["DEFAULT_QUEUE"], {"message": json.dumps(body)})
            await pipeline.execute()

        for _ in range(2):
            before = await users.count()
            async with started(CONSUME, variables, tmp_path) as consumer:
                await until(lambda before=before: self.more_than(users, before))  # type: ignore[misc]
                consumer.kill()
        async with started(CONSUME, variables, tmp_path) as consumer:
            # What a dead consumer held comes again fifteen seconds after its last sign of life.
            await until(lambda: self.all_made(users), within=45)
            assert await consumer.stop() == 0

        rows = await users.get_list()
        assert sorted(str(row.email) for row in rows) == sorted(emails)
        assert sorted(await Outbox(process.database).names()) == ["user.registered"] * MESSAGES
        assert await process.database.pool.fetchval("SELECT count(*) FROM dead_letters") == 0

    async def test_asked_to_stop_it_finishes_what_it_handles_and_hands_the_rest_to_the_next(
        self, process: Process, variables: dict[str, str], tmp_path: Path
    ) -> None:
        async with started(CONSUME, variables, tmp_path) as consumer:
            for _ in range(20):
                body = {"event": "user.create", "data": {"email": an_email()}}
                await process.redis.xadd(variables["DEFAULT_QUEUE"], {"message": json.dumps(body)})
            users = UsersPSQLRepository(process.database)
            await until(lambda: self.more_than(users, 0))
            assert await consumer.stop() == 0

        left = await process.redis.xlen(variables["DEFAULT_QUEUE"])
        assert await users.count() + left == 20
        # What was read and not begun is released, read by nobody, or settled: the next consumer
        # need not wait the fifteen seconds after which the dead are robbed.
        async with started(CONSUME, variables, tmp_path) as consumer:
            await until(lambda: self.are(users, 20))
            assert await consumer.stop() == 0
        assert await process.redis.xlen(variables["DEFAULT_QUEUE"]) == 0

    async def more_than(self, users: UsersPSQLRepository, number: int) -> bool:
        return await users.count() > number

    async def test_killed_while_messages_of_a_key_wait_it_handles_them_in_their_order(
        self, process: Process, variables: dict[str, str], tmp_path: Path
    ) -> None:
        uuid = uuid4()
        for number in range(5):
            body = {"event": "user.update", "data": {"uuid": str(uuid), "city": f"{number}"}}
            await process.redis.xadd(variables["DEFAULT_QUEUE"], {"message": json.dumps(body), "x-key": "one"})
        for _ in range(2):
            async with started(CONSUME, variables, tmp_path) as consumer:
                # There is no such user yet, so the first waits, and the others behind it.
                await until(lambda: self.waiting(process, 5), within=30)
                consumer.kill()
        users = UsersPSQLRepository(process.database)
        await users.create({"uuid": uuid, "email": an_email()}, is_return_require=False)

        async with started(CONSUME, variables, tmp_path) as consumer:
            await until(lambda: self.waiting(process, 0), within=60)
            assert await consumer.stop() == 0

        assert (await users.get_user(uuid)).city == "4"
        assert await Outbox(process.database).names() == ["user.updated"] * 5

    async def waiting(self, process: Process, number: int) -> bool:
        count: int = await process.database.pool.fetchval("SELECT count(*) FROM dead_letters")
        return count == number

    async def all_made(self, users: UsersPSQLRepository) -> bool:
        return await self.are(users, MESSAGES)

    async def are(self, users: UsersPSQLRepository, number: int) -> bool:
        return await users.count() == number


class TestRelay:
    async def test_killed_again_and_again_it_tells_everything_in_order(
        self, process: Process, variables: dict[str, str], tmp_path: Path
    ) -> None:
        service = process.container.users_service
        made = [await service.create_user_by_email(a_new_user()) for _ in range(MESSAGES)]
        outbox = Outbox(process.database)

        for _ in range(2):
            async with started(RELAY, variables, tmp_path) as relay:
                await until(lambda: self.entries(process, variables))
                relay.kill()
        async with started(RELAY, variables, tmp_path) as relay:
            await until(lambda: self.is_told(outbox), within=30)
            assert await relay.stop() == 0

        told = [json.loads(entry[b"message"]) for entry in await self.entries(process, variables)]
        once = list(dict.fromkeys(message["data"]["uuid"] for message in told))
        assert once == [str(user.uuid) for user in made]

    async def entries(self, process: Process, variables: dict[str, str]) -> list[Any]:
        entries: Any = await process.redis.xrange(variables["DEFAULT_EXCHANGER"])
        return [fields for _, fields in entries]

    async def is_told(self, outbox: Outbox) -> bool:
        return await outbox.names(destination="broker") == []


class TestStory:
    async def test_a_message_becomes_a_user_an_event_and_one_mail(
        self, process: Process, variables: dict[str, str], tmp_path: Path
    ) -> None:
        email = an_email()
        body = {"event": "user.create", "id": "story-1", "data": {"email": email, "first_name": "Ada"}}
        folder = process.settings.MAIL_FOLDER

        async def mails() -> list[Path]:
            return sorted(folder.glob(f"*-{email}.eml"))

        async with (
            started(CONSUME, variables, tmp_path),
            started(RELAY, variables, tmp_path),
            started(WORKER, variables, tmp_path) as worker,
        ):
            for _ in range(3):
                await process.redis.xadd(variables["DEFAULT_QUEUE"], {"message": json.dumps(body)})
            await until(mails, within=20)
            await asyncio.sleep(0.5)
            assert await worker.stop() == 0

        assert len(await mails()) == 1
        assert await UsersPSQLRepository(process.database).count({"email": email}) == 1
