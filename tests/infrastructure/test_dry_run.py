"""What handling a message would do is shown, and nothing of it is done."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from src.app.application.dto.dead_letters import DeadLetterDTO
from src.app.application.ports.messages import Handler
from src.app.domain.common.exceptions import ConflictError
from src.app.infrastructure.bootstrap import Process
from src.app.interfaces.cli.consume import HANDLERS_MAP, handlers_of
from tests.builders.users import PASSWORD, a_new_user, an_email


def a_letter(event: str, data: dict[str, Any]) -> DeadLetterDTO:
    now = datetime.now(UTC)
    return DeadLetterDTO(
        uuid=uuid4(),
        queue="test",
        key="",
        state="dead",
        message_id=uuid4().hex,
        event=event,
        reason="failed",
        error="",
        attempts=1,
        first_seen=now,
        available_at=now,
        created_at=now,
        headers={},
        body=json.dumps({"event": event, "data": data}).encode(),
    )


async def test_the_rows_and_events_are_shown_and_undone(process: Process) -> None:
    await process.container.users_service.create_user_by_email(a_new_user())
    counted = (
        "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM event_store) + (SELECT count(*) FROM inbox)"
    )
    before = await process.database.pool.fetchval(counted)
    email = an_email()
    letter = a_letter("user.create", {"email": email, "password": PASSWORD})

    rehearsal = await process.rehearse(letter, handlers_of(HANDLERS_MAP, process.container))

    assert rehearsal.error is None
    written = {each.table: each for each in rehearsal.written}
    assert written.keys() == {"event_store", "inbox", "outbox", "users"}
    [user], [event] = written["users"].rows, written["event_store"].rows
    assert (user["email"], "password_hashed" in user) == (email, False)
    assert (event["name"], event["aggregate_uuid"]) == ("user.registered", user["uuid"])
    assert await process.database.pool.fetchval(counted) == before


async def test_a_change_shows_the_row_as_it_would_be(process: Process) -> None:
    user = await process.container.users_service.create_user_by_email(a_new_user())
    letter = a_letter("user.update", {"uuid": str(user.uuid), "city": "Oslo"})

    rehearsal = await process.rehearse(letter, handlers_of(HANDLERS_MAP, process.container))

    [users] = [each for each in rehearsal.written if each.table == "users"]
    assert (users.inserted, users.updated, users.rows[0]["city"]) == (0, 1, "Oslo")
    assert (await process.container.users_reader.get_user(user.uuid)).city is None


@pytest.mark.parametrize(
    ("letter", "error"),
    [
        (a_letter("user.deactivate", {"uuid": str(uuid4())}), "NOT_FOUND"),
        (a_letter("user.deactivate", {"uuid": "nobody"}), "invalid_payload"),
        (a_letter("user.fly", {}), "unknown_event"),
        (a_letter("broken", {}), "ZeroDivisionError"),
    ],
)
async def test_what_would_fail_says_how(process: Process, letter: DeadLetterDTO, error: str) -> None:
    async def broken(*_: Any) -> None:
        raise ZeroDivisionError

    handlers = handlers_of(HANDLERS_MAP, process.container) | {"broken": Handler(name="broken", call=broken)}

    rehearsal = await process.rehearse(letter, handlers)

    assert rehearsal.error is not None
    assert error in rehearsal.error
    assert rehearsal.written == []


async def test_what_is_done_elsewhere_is_not_done_at_all(process: Process) -> None:
    async def never(*_: Any) -> None:
        pytest.fail("it would have been done")

    handlers = {"task": Handler(name="task", call=never, is_elsewhere=True)}

    with pytest.raises(ConflictError, match="task"):
        await process.rehearse(a_letter("task", {}), handlers)
