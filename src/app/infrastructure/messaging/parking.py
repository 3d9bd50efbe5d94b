"""Messages that wait in PostgreSQL, in `dead_letters`: those that failed, and what came after them.

    waiting   it is tried when it is due; nothing of its key stands before it
    behind    it came after one of its key that is not handled yet
    dead      no repetition helps; a person edits, replays or discards it

A message with a key that fails is tried again from here and not by the broker, which would let the
next of its key overtake it. What resolves the first of a key lets the next one come up, so the
order of a key survives every failure, and the other keys go on meanwhile.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from src.app.application.common.text import storable
from src.app.infrastructure.extensions.psql_ext import Executor
from src.app.infrastructure.messaging.broker import Delivery
from src.app.infrastructure.messaging.inbox import named
from src.app.infrastructure.providers.ids import new_uuid

MAX_REASON_LENGTH = 100
MAX_ERROR_LENGTH = 4000


class State(StrEnum):
    WAITING = "waiting"
    BEHIND = "behind"
    DEAD = "dead"


# Who parks and who resolves a message of a key take turns, or one could come to stand behind nobody.
_TURN = "SELECT pg_advisory_xact_lock(hashtextextended($1 || chr(31) || $2, 0))"
_PARK = """
INSERT INTO dead_letters (uuid, queue, key, message_id, event, body, headers, reason, error, attempts,
                          first_seen, available_at, state)
SELECT $1, $2::varchar, $3::varchar, $4::varchar, $5, $6, $7, $8, $9, $10, $11, now() + $12::interval,
    CASE
        WHEN $13::varchar = 'dead' THEN 'dead'
        WHEN $3 <> '' AND EXISTS (SELECT FROM dead_letters WHERE queue = $2 AND key = $3) THEN 'behind'
        ELSE 'waiting'
    END
WHERE NOT EXISTS (SELECT FROM dead_letters WHERE queue = $2 AND message_id = $4 AND body = $6)
RETURNING 1
"""
_CLAIM = """
SELECT uuid, key, message_id, body, headers, attempts, first_seen FROM dead_letters
WHERE queue = $1 AND state = 'waiting' AND available_at <= now()
ORDER BY available_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_DUE = """
SELECT extract(epoch FROM min(available_at) - now())::float8 FROM dead_letters
WHERE queue = $1 AND state = 'waiting'
"""
_FAILED = """
UPDATE dead_letters SET attempts = attempts + 1, state = $2, reason = $3, error = $4,
    available_at = now() + $5::interval
WHERE uuid = $1 RETURNING 1
"""
_FREE = "SELECT 1 FROM dead_letters WHERE uuid = $1 FOR UPDATE SKIP LOCKED"
_FORGET = "DELETE FROM dead_letters WHERE uuid = $1 RETURNING 1"
_COME_UP = """
UPDATE dead_letters SET state = 'waiting', available_at = now()
WHERE state = 'behind' AND id = (
    SELECT id FROM dead_letters WHERE queue = $1 AND key = $2 ORDER BY id LIMIT 1
) RETURNING 1
"""


_TURNS = """
SELECT pg_advisory_xact_lock(hashtextextended(queue || chr(31) || key, 0))
FROM (
    SELECT DISTINCT queue, key FROM dead_letters WHERE uuid = ANY($1::uuid[]) AND key <> '' ORDER BY queue, key
) AS keys
"""
_REPLAY = """
UPDATE dead_letters AS letter SET attempts = 0, available_at = now(),
    state = CASE WHEN key <> '' AND EXISTS (
        SELECT FROM dead_letters AS earlier
        WHERE earlier.queue = letter.queue AND earlier.key = letter.key AND earlier.id < letter.id
            AND earlier.key <> '' -- said again for the index, which has only those
    ) THEN 'behind' ELSE 'waiting' END
WHERE uuid = ANY($1::uuid[]) AND state = 'dead' RETURNING 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a message is parked, and after how many seconds it is tried again if it is not dead."""

    state: State
    reason: str
    error: str
    delay: float = 0.0

    @property
    def interval(self) -> timedelta:
        return timedelta(seconds=self.delay)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A message that is due, held until the transaction ends."""

    uuid: UUID
    delivery: Delivery


async def park(executor: Executor, queue: str, delivery: Delivery, failure: Failure, *, event: str | None) -> None:
    """Have a message wait: behind its key if somebody stands there, else as the failure says.

    One that is parked already is not parked twice; another one of the same id is. Inside a transaction.
    """
    key, message_id = key_of(delivery), named(storable(delivery.id))
    await executor.fetch(_TURN, [queue, key or message_id])
    await executor.fetch(
        _PARK,
        [
            new_uuid(),
            queue,
            key,
            message_id,
            event,
            delivery.body,
            {storable(name): storable(value) for name, value in delivery.headers.items()},
            failure.reason[:MAX_REASON_LENGTH],
            storable(failure.error)[:MAX_ERROR_LENGTH],
            delivery.attempts + 1,
            delivery.first_seen,
            failure.interval,
            failure.state,
        ],
    )


async def claim(executor: Executor, queue: str) -> Parked | None:
    """Hold the message that has been due for longest and that nobody else holds."""
    rows = await executor.fetch(_CLAIM, [queue])
    return _parked(rows[0]) if rows else None


async def due_in(executor: Executor, queue: str) -> float | None:
    """Return in how many seconds the next message is due, at least 0; None where none waits."""
    [[seconds]] = await executor.fetch(_DUE, [queue])
    return None if seconds is None else max(0.0, seconds)


async def postpone(executor: Executor, parked: Parked, failure: Failure) -> None:
    """Have a held message wait again, or declare it dead."""
    error = storable(failure.error)[:MAX_ERROR_LENGTH]
    await executor.fetch(
        _FAILED, [parked.uuid, failure.state, failure.reason[:MAX_REASON_LENGTH], error, failure.interval]
    )


async def resolve(executor: Executor, queue: str, uuid: UUID, key: str) -> None:
    """Forget a held message, and let the next of its key come up."""
    if key:
        await executor.fetch(_TURN, [queue, key])
    await _forget(executor, queue, uuid, key)


async def discard(executor: Executor, queue: str, uuid: UUID, key: str) -> bool:
    """Do the same to a message that nobody holds; False where somebody does, or it is gone."""
    if key:
        await executor.fetch(_TURN, [queue, key])
    # Whoever handles it holds it and takes the turn then; to wait for it here would be a deadlock.
    if not await executor.fetch(_FREE, [uuid]):
        return False
    await _forget(executor, queue, uuid, key)
    return True


async def _forget(executor: Executor, queue: str, uuid: UUID, key: str) -> None:
    await executor.fetch(_FORGET, [uuid])
    if key:
        await executor.fetch(_COME_UP, [queue, key])


async def replay(executor: Executor, uuids: Sequence[UUID]) -> int:
    """Have dead messages be tried again, each where it stands in its key; return how many there were."""
    await executor.fetch(_TURNS, [uuids])
    return len(await executor.fetch(_REPLAY, [uuids]))


def key_of(delivery: Delivery) -> str:
    return named(storable(delivery.key))


def _parked(row: Mapping[str, Any]) -> Parked:
    first_seen: datetime = row["first_seen"]
    delivery = Delivery(
        body=row["body"],
        id=row["message_id"],
        key=row["key"],
        headers=row["headers"],
        attempts=row["attempts"],
        first_seen=first_seen,
        receipt=None,
    )
    return Parked(uuid=row["uuid"], delivery=delivery)
