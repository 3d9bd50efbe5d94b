"""Events on their way out, on real Redis Streams and PostgreSQL."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from src.app.application.ports.messages import Happened, Subscriber
from src.app.domain.common.exceptions import ExternalServiceError
from src.app.domain.users.aggregates.user_agg import UserAggregate
from src.app.infrastructure.bootstrap import Process
from src.app.infrastructure.messaging.clients.redis_streams_client import RedisStreamsBroker
from src.app.infrastructure.messaging.relay import Relay
from src.app.infrastructure.repositories.users_repository import UsersPSQLRepository, UsersPSQLUnitOfWork
from tests.builders.outbox import Outbox
from tests.builders.users import NOW, a_user
from tests.builders.waiting import until


@pytest.fixture
def exchange() -> str:
    return f"test.{uuid4().hex}"


@pytest.fixture
def outbox(process: Process) -> Outbox:
    return Outbox(process.database)


@asynccontextmanager
async def relaying(process: Process, exchange: str, subscribers: Mapping[str, Subscriber]) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with RedisStreamsBroker.connect(process.settings.REDIS_URL, group="tests") as broker:
        relay = Relay(
            database=process.database, broker=broker, exchange=exchange, source="allium", subscribers=subscribers
        )
        running = asyncio.create_task(relay.run(process.settings.DB_DSN, stop))
        try:
            yield
        finally:
            stop.set()
            await running


async def told(process: Process, exchange: str) -> list[dict[str, Any]]:
    entries: Any = await process.redis.xrange(exchange)
    return [json.loads(fields[b"message"]) for _, fields in entries]


async def registered(process: Process) -> UserAggregate:
    user = a_user()
    async with UsersPSQLUnitOfWork(process.database) as uow:
        await uow.users.add(user)
        user.change_profile(now=NOW, city="Rome")
        await uow.users.save(user)
        user.deactivate(now=NOW)
        await uow.users.save(user)
    return user


async def ignore(_: Happened) -> None:
    """A subscriber that has nothing to do."""


class TestBroker:
    async def test_events_leave_in_their_order_and_the_outbox_is_empty(
        self, process: Process, exchange: str, outbox: Outbox
    ) -> None:
        users = [await registered(process) for _ in range(3)]

        async with relaying(process, exchange, {}):
            await until(lambda: self._is_empty(outbox))

        messages = await told(process, exchange)
        for user in users:
            of_user = [m["event"] for m in messages if m["data"]["uuid"] == str(user.uuid)]
            assert of_user == ["user.updated", "user.deactivated"]

    async def test_a_message_says_what_when_and_about_whom(
        self, process: Process, exchange: str, outbox: Outbox
    ) -> None:
        user = await registered(process)

        async with relaying(process, exchange, {}):
            await until(lambda: self._is_empty(outbox))

        message = (await told(process, exchange))[0]
        assert message.keys() == {"event", "id", "version", "occurred_at", "source", "data"}
        assert (message["event"], message["source"], message["version"]) == ("user.updated", "allium", 1)
        assert message["occurred_at"] == NOW.isoformat()
        assert message["data"] == {"uuid": str(user.uuid), "fields": ["city"]}

    async def test_it_is_woken_by_the_commit(self, process: Process, exchange: str) -> None:
        async with relaying(process, exchange, {}):
            await asyncio.sleep(0.2)
            await registered(process)
            await until(lambda: told(process, exchange), within=0.8)

    async def test_several_relays_tell_each_event_once_and_in_order(
        self, process: Process, exchange: str, outbox: Outbox
    ) -> None:
        async with relaying(process, exchange, {}), relaying(process, exchange, {}):
            users = [await registered(process) for _ in range(20)]
            await until(lambda: self._is_empty(outbox))

        messages = await told(process, exchange)
        assert len(messages) == 40
        assert len({message["id"] for message in messages}) == 40
        for user in users:
            of_user = [m["event"] for m in messages if m["data"]["uuid"] == str(user.uuid)]
            assert of_user == ["user.updated", "user.deactivated"]

    async def _is_empty(self, outbox: Outbox) -> bool:
        return not await outbox.names(destination="broker")


class TestSubscribers:
    async def registered(self, process: Process) -> UserAggregate:
        user = UserAggregate.register(uuid=uuid4(), now=NOW, email=a_user().email)
        async with UsersPSQLUnitOfWork(process.database) as uow:
            await uow.users.add(user)
        return user

    async def test_each_hears_of_what_it_subscribed_to(self, process: Process, exchange: str) -> None:
        heard: list[Happened] = []

        async def listen(event: Happened) -> None:
            heard.append(event)

        user = await self.registered(process)
        async with relaying(process, exchange, {"welcome_mail": listen}):
            await until(lambda: self._are(heard, 1))

        assert [(event.name, event.aggregate_uuid) for event in heard] == [("user.registered", user.uuid)]

    async def test_one_that_fails_is_asked_again_and_holds_nobody_up(
        self, process: Process, exchange: str, outbox: Outbox
    ) -> None:
        attempts: list[str] = []
        users = UsersPSQLRepository(process.database)

        async def fail_once(event: Happened) -> None:
            attempts.append(event.name)
            await users.update({"uuid": event.aggregate_uuid}, {"city": f"after {len(attempts)}"})
            if len(attempts) == 1:
                raise ExternalServiceError("not yet")

        user = await self.registered(process)
        async with relaying(process, exchange, {"welcome_mail": fail_once}):
            await until(lambda: told(process, exchange))
            await until(lambda: self._is_told(outbox))
            await until(lambda: self._are(attempts, 2))

        assert (await users.get_one({"uuid": user.uuid})).city == "after 2"
        assert await outbox.entries() == []

    async def test_what_a_failed_one_wrote_is_taken_back(self, process: Process, exchange: str) -> None:
        users = UsersPSQLRepository(process.database)
        failed = asyncio.Event()

        async def fail(event: Happened) -> None:
            await users.update({"uuid": event.aggregate_uuid}, {"city": "half done"})
            failed.set()
            raise ZeroDivisionError

        user = await self.registered(process)
        async with relaying(process, exchange, {"welcome_mail": fail}):
            await failed.wait()

        assert (await users.get_one({"uuid": user.uuid})).city is None
        entry = await process.database.pool.fetchrow("SELECT * FROM outbox WHERE destination = 'welcome_mail'")
        assert entry is not None
        assert (entry["attempts"], entry["last_error"]) == (1, "ZeroDivisionError()")

    async def _is_told(self, outbox: Outbox) -> bool:
        return not await outbox.names(destination="broker")

    async def _are(self, things: list[Any], number: int) -> bool:
        return len(things) >= number
