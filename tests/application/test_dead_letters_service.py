"""What people do with messages that nobody could handle."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from src.app.application.common.actor import Actor
from src.app.application.common.filters import Q
from src.app.application.common.lists import ListRequest
from src.app.application.services.dead_letters_service import AppDeadLettersService
from src.app.domain.common.exceptions import AuthorizationError, ConflictError, NotFoundError, ValidationError
from src.app.infrastructure.bootstrap import Process
from src.app.infrastructure.messaging.broker import Delivery
from src.app.infrastructure.messaging.parking import Failure, State, claim, park, resolve

QUEUE = "test.letters"
SYSTEM = Actor.system()


@pytest.fixture
def letters(process: Process) -> AppDeadLettersService:
    return process.container.dead_letters_service


async def parked(process: Process, key: str = "", *, state: State = State.DEAD, event: str = "told") -> UUID:
    """Park a message, and return its uuid."""
    delivery = Delivery(
        body=b'{"event": "told"}', id=uuid4().hex, key=key, first_seen=datetime.now(UTC), receipt=None
    )
    failure = Failure(state=state, reason="ALREADY_EXISTS", error="It is taken")
    async with process.database.transaction() as executor:
        await park(executor, QUEUE, delivery, failure, event=event)
    uuid: UUID = await process.database.pool.fetchval("SELECT uuid FROM dead_letters ORDER BY id DESC LIMIT 1")
    return uuid


async def states(process: Process) -> list[str]:
    rows = await process.database.pool.fetch("SELECT state FROM dead_letters ORDER BY id")
    return [row["state"] for row in rows]


class TestShow:
    async def test_they_are_listed_without_bodies_and_shown_with_them(
        self, letters: AppDeadLettersService, process: Process
    ) -> None:
        uuid = await parked(process, event="user.create")
        await parked(process, event="user.update")

        page = await letters.list_dead_letters(SYSTEM, ListRequest(where=Q(event="user.create")))
        letter = await letters.get_dead_letter(SYSTEM, uuid)

        [listed] = page.items
        assert (listed.uuid, listed.reason, hasattr(listed, "body")) == (uuid, "ALREADY_EXISTS", False)
        assert (letter.body, letter.state, letter.attempts) == (b'{"event": "told"}', "dead", 1)

    async def test_there_may_be_none(self, letters: AppDeadLettersService) -> None:
        for call in (letters.get_dead_letter, letters.discard_dead_letter):
            with pytest.raises(NotFoundError):
                await call(SYSTEM, uuid4())

    async def test_they_are_not_for_everybody(self, letters: AppDeadLettersService) -> None:
        anybody = Actor(uuid4())
        calls: list[Any] = [
            letters.list_dead_letters(anybody, ListRequest()),
            letters.get_dead_letter(anybody, uuid4()),
            letters.edit_dead_letter(anybody, uuid4(), b""),
            letters.replay_dead_letters(anybody, Q(key="a")),
            letters.discard_dead_letter(anybody, uuid4()),
        ]
        for call in calls:
            with pytest.raises(AuthorizationError):
                await call


class TestEdit:
    async def test_a_dead_one_gets_another_body(self, letters: AppDeadLettersService, process: Process) -> None:
        uuid = await parked(process)

        await letters.edit_dead_letter(SYSTEM, uuid, b'{"event": "mended"}')

        assert (await letters.get_dead_letter(SYSTEM, uuid)).body == b'{"event": "mended"}'

    async def test_one_that_is_tried_again_by_itself_does_not(
        self, letters: AppDeadLettersService, process: Process
    ) -> None:
        uuid = await parked(process, state=State.WAITING)

        with pytest.raises(ConflictError, match="waiting"):
            await letters.edit_dead_letter(SYSTEM, uuid, b"")


class TestReplay:
    async def test_all_that_match_are_tried_again_and_who_stands_behind_stays_there(
        self, letters: AppDeadLettersService, process: Process
    ) -> None:
        for key in ("a", "a", "b", "", ""):
            await parked(process, key)
        assert await states(process) == ["dead"] * 5

        assert await letters.replay_dead_letters(SYSTEM, Q(key="a")) == 2
        assert await states(process) == ["waiting", "behind", "dead", "dead", "dead"]

        assert await letters.replay_dead_letters(SYSTEM, Q(reason="ALREADY_EXISTS")) == 3
        assert await states(process) == ["waiting", "behind", "waiting", "waiting", "waiting"]

    async def test_there_may_be_more_keys_than_the_server_has_locks(
        self, letters: AppDeadLettersService, process: Process
    ) -> None:
        await process.database.pool.execute(
            """
            INSERT INTO dead_letters
                (uuid, queue, key, message_id, body, headers, reason, error, attempts, first_seen)
            SELECT gen_random_uuid(), 'many', n, n, '', '{}', 'failed', '', 1, now()
            FROM generate_series(1, 20000) AS n
            """
        )

        assert await letters.replay_dead_letters(SYSTEM, Q(queue="many")) == 20_000

    async def test_nobody_means_all_by_saying_nothing(self, letters: AppDeadLettersService) -> None:
        with pytest.raises(ValidationError):
            await letters.replay_dead_letters(SYSTEM, Q())


class TestDiscard:
    async def test_the_next_of_its_key_comes_up(self, letters: AppDeadLettersService, process: Process) -> None:
        first = await parked(process, "a")
        await parked(process, "a", state=State.BEHIND)
        await parked(process, "a", state=State.BEHIND)

        await letters.discard_dead_letter(SYSTEM, first)

        assert await states(process) == ["waiting", "behind"]

    async def test_one_that_is_being_handled_is_left_to_whoever_does(
        self, letters: AppDeadLettersService, process: Process
    ) -> None:
        first = await parked(process, "a", state=State.WAITING)
        await parked(process, "a", state=State.BEHIND)

        async with process.database.transaction() as executor:
            assert await claim(executor, QUEUE)
            with pytest.raises(ConflictError, match="handled right now"):
                await letters.discard_dead_letter(SYSTEM, first)
            await resolve(executor, QUEUE, first, "a")

        assert await states(process) == ["waiting"]
