"""Events on their way out: written here with the change they speak of, told by the relay."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from src.app.application.common.context import current_actor, request_id
from src.app.application.subscriptions import destinations_of
from src.app.domain.common.events.base import DomainEvent
from src.app.infrastructure.extensions.psql_ext import Executor
from src.app.infrastructure.providers.ids import new_uuid

CHANNEL = "outbox"

# Stored in the order in which they were recorded: the identity column follows the ORDER BY.
_WRITE = f"""
WITH written AS (
    INSERT INTO event_store
        (uuid, name, version, aggregate, aggregate_uuid, payload, occurred_at, actor_uuid, request_id)
    SELECT uuid, name, version, aggregate, aggregate_uuid, payload, occurred_at, $8, $9
    FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::uuid[], $6::jsonb[], $7::timestamptz[])
        WITH ORDINALITY AS event(uuid, name, version, aggregate, aggregate_uuid, payload, occurred_at, place)
    ORDER BY place
    RETURNING id, name, aggregate_uuid
), queued AS (
    INSERT INTO outbox (event_id, aggregate_uuid, destination)
    SELECT written.id, written.aggregate_uuid, route.destination
    FROM written JOIN unnest($10::text[], $11::text[]) AS route(name, destination) USING (name)
    ORDER BY written.id
)
SELECT pg_notify('{CHANNEL}', '')
"""


async def write_events(executor: Executor, events: Sequence[DomainEvent]) -> None:
    """Store what happened and queue it for everyone who must be told, in the caller's transaction."""
    actor = current_actor.get()
    routes = [(name, to) for name in {event.name for event in events} for to in destinations_of(name)]
    await executor.fetch(
        _WRITE,
        [
            [new_uuid() for _ in events],
            [event.name for event in events],
            [event.version for event in events],
            [event.aggregate for event in events],
            [event.aggregate_uuid for event in events],
            [payload_of(event) for event in events],
            [event.occurred_at for event in events],
            actor.user_uuid if actor else None,
            request_id.get(),
            [name for name, _ in routes],
            [destination for _, destination in routes],
        ],
    )


def payload_of(event: DomainEvent) -> dict[str, Any]:
    """Return the fields of an event that its own class declares."""
    base = {field.name for field in fields(DomainEvent)}
    return {field.name: getattr(event, field.name) for field in fields(event) if field.name not in base}
