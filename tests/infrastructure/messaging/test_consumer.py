"""Messages from producers, on real Redis Streams and PostgreSQL."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from src.app.application.ports.messages import Handler
from src.app.domain.common.exceptions import ExternalServiceError
from src.app.infrastructure.bootstrap import Process
from src.app.infrastructure.messaging.clients.redis_streams_client import RedisStreamsBroker
from src.app.infrastructure.messaging.consumer import Consumer
from src.app.infrastructure.repositories.users_repository import UsersPSQLRepository
from src.app.interfaces.cli.consume import HANDLERS_MAP, handlers_of
from src.app.interfaces.outcomes import is_transient
from tests.builders.outbox import Outbox
from tests.builders.waiting import until


class Queue:
    """A queue of its own for each test, and what a plain producer does with it."""

    def __init__(self, redis: Redis, process: Process) -> None:
        self.name = f"test.{uuid4().hex}"
        self._redis = redis
        self._process = process

    async def put(self, message: Any, *, key: str = "", name: str = "") -> None:
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        fields: dict[Any, Any] = {"message": body}
        if key:
            fields["x-key"] = key
        if name:
            fields["x-message-id"] = name
        await self._redis.xadd(self.name, fields)

    async def dead_letters(self) -> list[dict[str, Any]]:
        rows = await self._process.database.pool.fetch("SELECT * FROM dead_letters ORDER BY id")
        return [dict(row) for row in rows]

    @asynccontextmanager
    async def consumed(self, handlers: dict[str, Handler], *, max_attempts: int = 8) -> AsyncIterator[None]:
        stop = asyncio.Event()
        async with RedisStreamsBroker.connect(self._process.settings.REDIS_URL, group="tests") as broker:
            consumer = Consumer(
                database=self._process.database,
                broker=broker,
                queue=self.name,
                batch=10,
                handlers=handlers,
                is_transient=is_transient,
                max_attempts=max_attempts,
            )
            running = asyncio.create_task(consumer.run(stop))
            try:
                yield
            finally:
                stop.set()
                await running


@pytest.fixture
async def queue(process: Process) -> AsyncIterator[Queue]:
    yield Queue(process.redis, process)


@pytest.fixture
def handlers(process: Process) -> dict[str, Handler]:
    return handlers_of(HANDLERS_MAP, process.container)


class TestUserCreate:
    async def test_a_user_is_made_once_however_often_it_is_delivered(
        self, queue: Queue, process: Process, handlers: dict[str, Handler]
    ) -> None:
        message = {"event": "user.create", "id": "m-1", "data": {"email": "ada@example.com", "first_name": "Ada"}}
        for _ in range(5):
            await queue.put(message)
        await queue.put({"event": "user.create", "id": "m-2", "data": {"email": "bob@example.com", "shoe": 43}})

        users = UsersPSQLRepository(process.database)
        async with queue.consumed(handlers):
            await until(lambda: users.exists({"email": "bob@example.com"}))

        assert await users.count({"email": "ada@example.com", "first_name": "Ada"}) == 1
        assert await queue.dead_letters() == []
        assert sorted(await Outbox(process.database).names()) == ["user.registered"] * 2

    async def test_updates_and_deactivation_reach_the_same_service(
        self, queue: Queue, process: Process, handlers: dict[str, Handler]
    ) -> None:
        users = UsersPSQLRepository(process.database)
        await users.create({"uuid": (uuid := uuid4()), "email": "ada@example.com"})
        await queue.put({"event": "user.update", "data": {"uuid": str(uuid), "city": "Rome"}})

        async with queue.consumed(handlers):
            await until(lambda: users.exists({"city": "Rome"}))
            await queue.put({"event": "user.deactivate", "data": {"uuid": str(uuid)}})
            await until(lambda: users.exists({"is_active": False}))


class TestDeadLetters:
    @pytest.mark.parametrize(
        ("message", "reason"),
        [
            (b"{", "malformed"),
            (b"\xff\x00", "malformed"),
            (b"[]", "malformed"),
            ({"data": {}}, "malformed"),
            ({"event": "user.create", "data": []}, "malformed"),
            ({"event": "nobody.knows", "data": {}}, "unknown_event"),
            ({"event": "nul\x00" * 50, "id": "nul\x00", "data": {}}, "unknown_event"),
            ({"event": "user.create", "id": "nul\x00", "data": {"email": "a\x00b"}}, "invalid_payload"),
            (
                {"event": "user.create", "id": "i" * 10_000, "data": {"a": json.loads("[" * 400 + "]" * 400)}},
                "invalid_payload",
            ),
            ({"event": "user.create", "data": {}}, "invalid_payload"),
            ({"event": "user.create", "data": {"email": "nonsense"}}, "invalid_payload"),
            (
                {"event": "user.create", "data": {"email": "a@example.com", "password": "short"}},
                "VALIDATION_ERROR",
            ),
        ],
    )
    async def test_what_cannot_be_handled_is_kept_with_its_reason(
        self, queue: Queue, handlers: dict[str, Handler], message: Any, reason: str
    ) -> None:
        await queue.put(message)

        async with queue.consumed(handlers):
            await until(queue.dead_letters)

        (dead,) = await queue.dead_letters()
        assert (dead["reason"], dead["attempts"]) == (reason, 1)
        assert dead["body"] == (message if isinstance(message, bytes) else json.dumps(message).encode())

    async def test_a_taken_address_is_dead_and_the_queue_goes_on(
        self, queue: Queue, process: Process, handlers: dict[str, Handler]
    ) -> None:
        for email in ("ada@example.com", "ada@example.com", "bob@example.com"):
            await queue.put({"event": "user.create", "data": {"email": email}})

        async with queue.consumed(handlers):
            await until(queue.dead_letters)
            await until(lambda: UsersPSQLRepository(process.database).exists({"email": "bob@example.com"}))

        assert [dead["reason"] for dead in await queue.dead_letters()] == ["ALREADY_EXISTS"]

    async def test_a_secret_of_a_refused_message_is_not_in_its_error(
        self, queue: Queue, handlers: dict[str, Handler]
    ) -> None:
        await queue.put({"event": "user.create", "data": {"email": "x", "password": "a secret phrase"}})

        async with queue.consumed(handlers):
            await until(queue.dead_letters)

        assert "secret" not in (await queue.dead_letters())[0]["error"]


class TestIdentity:
    async def test_long_ids_with_one_beginning_are_two(
        self, queue: Queue, process: Process, handlers: dict[str, Handler]
    ) -> None:
        for end in ("a", "b"):
            data = {"email": f"{end}@example.com"}
            await queue.put({"event": "user.create", "id": "i" * 300 + end, "data": data})

        async with queue.consumed(handlers):
            await until(lambda: UsersPSQLRepository(process.database).exists({"email": "a@example.com"}))
            await until(lambda: UsersPSQLRepository(process.database).exists({"email": "b@example.com"}))

    async def test_an_id_that_cannot_be_stored_is_one_all_the_same(
        self, queue: Queue, process: Process, handlers: dict[str, Handler]
    ) -> None:
        await queue.put({"event": "user.create", "id": "nul\x00", "data": {"email": "a@example.com"}})

        async with queue.consumed(handlers):
            await until(lambda: UsersPSQLRepository(process.database).exists({"email": "a@example.com"}))


class TestRetries:
    async def test_a_failure_that_passes_is_forgotten(self, queue: Queue, process: Process) -> None:
        seen: list[Any] = []

        async def fails_once(data: Any, _: str) -> None:
            seen.append(data)
            await UsersPSQLRepository(process.database).create({"uuid": uuid4(), "email": "ada@example.com"})
            if len(seen) == 1:
                raise ExternalServiceError

        await queue.put({"event": "test", "data": {"a": 1}})

        async with queue.consumed({"test": Handler(name="test", call=fails_once)}):
            await until(lambda: UsersPSQLRepository(process.database).count())

        assert seen == [{"a": 1}] * 2
        assert await queue.dead_letters() == []

    async def test_a_fault_is_tried_again_and_dies_in_the_end(self, queue: Queue) -> None:
        async def fails(*_: Any) -> None:
            raise ZeroDivisionError("a fault")

        await queue.put({"event": "test", "data": {}})

        async with queue.consumed({"test": Handler(name="test", call=fails)}, max_attempts=2):
            await until(queue.dead_letters)

        (dead,) = await queue.dead_letters()
        assert (dead["reason"], dead["attempts"]) == ("retries_spent", 2)
        assert "a fault" in dead["error"]
