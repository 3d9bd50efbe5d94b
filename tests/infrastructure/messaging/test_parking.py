"""Messages of one key keep their order, whatever fails; on real Redis Streams and PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from src.app.application.ports.messages import Handler
from src.app.domain.common.exceptions import ConflictError, NotFoundError
from src.app.infrastructure.bootstrap import Process
from src.app.infrastructure.messaging import consumer
from tests.builders.waiting import until
from tests.infrastructure.messaging.test_consumer import Queue


class Told:
    """A handler that notes what it is told, and fails as it is asked to."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.failing: dict[str, list[BaseException]] = {}

    async def __call__(self, data: Any, _: str) -> None:
        name = f"{data['key']}{data['number']}"
        if self.failing.get(name):
            raise self.failing[name].pop(0)
        self.heard.append(name)

    def of(self, key: str) -> list[str]:
        return [name for name in self.heard if name.startswith(key)]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    monkeypatch.setattr(consumer, "backoff", lambda _: 0.05)
    return Told()


@pytest.fixture
async def queue(process: Process) -> AsyncIterator[Queue]:
    yield Queue(process.redis, process)


def handlers(told: Told) -> dict[str, Handler]:
    return {"told": Handler(name="told", call=told)}


async def put(queue: Queue, key: str, *numbers: int) -> None:
    for number in numbers:
        message = {"event": "told", "data": {"key": key, "number": number}, "id": f"{queue.name}-{key}{number}"}
        await queue.put(message, key=key)


async def states(queue: Queue) -> list[tuple[str, str]]:
    return [(row["key"], row["state"]) for row in await queue.dead_letters()]


class TestAFailureThatPasses:
    async def test_what_comes_after_it_waits_for_it_and_other_keys_go_on(self, queue: Queue, told: Told) -> None:
        told.failing["a1"] = [NotFoundError(), NotFoundError(), NotFoundError()]
        await put(queue, "a", 1, 2, 3)
        await put(queue, "b", 1, 2)

        async with queue.consumed(handlers(told)):
            await until(lambda: heard(told, 5))

        assert told.of("a") == ["a1", "a2", "a3"]
        assert told.of("b") == ["b1", "b2"]
        assert told.heard[0] != "a1"
        assert await queue.dead_letters() == []

    async def test_many_failures_of_many_keys_change_no_order(self, queue: Queue, told: Told) -> None:
        keys, numbers = "abcdefgh", range(12)
        for place, key in enumerate(keys):
            told.failing |= {
                f"{key}{number}": [NotFoundError()] for number in numbers if (number + place) % 3 == 0
            }
        for number in numbers:
            for key in keys:
                await put(queue, key, number)

        async with queue.consumed(handlers(told)):
            await until(lambda: heard(told, len(keys) * len(numbers)), within=30)

        for key in keys:
            assert told.of(key) == [f"{key}{number}" for number in numbers]

    async def test_one_that_waited_for_what_was_cancelled_is_tried_again(self, queue: Queue, told: Told) -> None:
        told.failing["a1"] = [asyncio.CancelledError(), asyncio.CancelledError()]
        await put(queue, "a", 1, 2)

        async with queue.consumed(handlers(told)):
            await until(lambda: heard(told, 2))

        assert told.heard == ["a1", "a2"]

    async def test_a_slow_one_holds_up_no_other_key(self, queue: Queue, told: Told) -> None:
        told.failing = {"a1": [NotFoundError()], "b1": [NotFoundError() for _ in range(4)]}
        freed = asyncio.Event()

        async def slow_for_a(data: Any, message_id: str) -> None:
            await told(data, message_id)
            if data["key"] == "a":
                await freed.wait()

        for key in "ab":
            await put(queue, key, 1, 2)
        async with queue.consumed({"told": Handler(name="told", call=slow_for_a)}):
            await until(lambda: heard(told, 3))
            assert sorted(told.heard) == ["a1", "b1", "b2"]
            freed.set()
            await until(lambda: heard(told, 4))

    async def test_it_is_spent_in_the_end(self, queue: Queue, told: Told) -> None:
        told.failing["a1"] = [NotFoundError() for _ in range(9)]
        await put(queue, "a", 1, 2)

        async with queue.consumed(handlers(told), max_attempts=3):
            await until(lambda: are(queue, [("a", "dead"), ("a", "behind")]))

        [dead, _] = await queue.dead_letters()
        assert (dead["reason"], dead["attempts"]) == ("retries_spent", 3)


class TestNames:
    async def test_ids_and_keys_may_be_long_and_alike_and_have_what_cannot_be_stored(
        self, queue: Queue, told: Told
    ) -> None:
        for key in ("a", "b"):
            told.failing |= {f"{key}{number}": [NotFoundError()] for number in (1, 2)}
            for number in (1, 2, 3):
                message = {"event": "told", "data": {"key": key, "number": number}}
                await queue.put(message, key="\x00" * 10_000 + key, name=f"\x00{'x' * 10_000}{key}{number}")

        async with queue.consumed(handlers(told)):
            await until(lambda: heard(told, 6))

        assert (told.of("a"), told.of("b")) == (["a1", "a2", "a3"], ["b1", "b2", "b3"])
        assert await queue.dead_letters() == []

    async def test_two_messages_of_one_id_both_wait(self, queue: Queue, told: Told) -> None:
        told.failing["a1"] = [ConflictError()]
        for number in (1, 2, 2):
            await queue.put({"event": "told", "data": {"key": "a", "number": number}}, key="a", name="same")

        async with queue.consumed(handlers(told)):
            await until(lambda: are(queue, [("a", "dead"), ("a", "behind")]))


class TestAFailureForGood:
    async def test_later_ones_of_its_key_wait_in_order_until_it_is_resolved(
        self, queue: Queue, told: Told, process: Process
    ) -> None:
        told.failing["a1"] = [ConflictError()]
        await put(queue, "a", 1, 2, 3)
        await put(queue, "b", 1)

        async with queue.consumed(handlers(told)):
            await until(lambda: are(queue, [("a", "dead"), ("a", "behind"), ("a", "behind")]))
            await until(lambda: heard(told, 1))
            assert told.heard == ["b1"]

            # As replaying it does, once its cause is mended.
            await process.database.pool.execute("UPDATE dead_letters SET state = 'waiting' WHERE state = 'dead'")
            await until(lambda: heard(told, 4))

        assert told.of("a") == ["a1", "a2", "a3"]
        assert await queue.dead_letters() == []

    async def test_what_was_parked_before_a_crash_is_handled_after_it(self, queue: Queue, told: Told) -> None:
        told.failing["a1"] = [NotFoundError()]
        await put(queue, "a", 1, 2)
        async with queue.consumed(handlers(told)):
            await until(lambda: heard_or_parked(queue, told))

        async with queue.consumed(handlers(told)):
            await until(lambda: heard(told, 2))

        assert told.heard == ["a1", "a2"]

    async def test_two_consumers_handle_each_once(self, queue: Queue, told: Told) -> None:
        told.failing = {f"{key}1": [NotFoundError()] for key in "abcd"}
        async with queue.consumed(handlers(told)), queue.consumed(handlers(told)):
            for key in "abcd":
                await put(queue, key, 1, 2, 3)
            await until(lambda: heard(told, 12), within=30)
            await asyncio.sleep(0.3)

        assert sorted(told.heard) == sorted(f"{key}{number}" for key in "abcd" for number in (1, 2, 3))


async def heard(told: Told, number: int) -> bool:
    return len(told.heard) >= number


async def are(queue: Queue, expected: list[tuple[str, str]]) -> bool:
    return await states(queue) == expected


async def heard_or_parked(queue: Queue, told: Told) -> bool:
    return len(told.heard) + len(await queue.dead_letters()) >= 2
