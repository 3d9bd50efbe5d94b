from typing import Any

from src.app.infrastructure.extensions.psql_ext import Database

_QUEUED = """
SELECT event.name, entry.destination, event.payload, event.aggregate_uuid, event.request_id, event.actor_uuid
FROM outbox AS entry JOIN event_store AS event ON event.id = entry.event_id ORDER BY entry.id
"""


class Outbox:
    """What is queued to be told, for a test to look at."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entries(self) -> list[dict[str, Any]]:
        return [dict(row) for row in await self._database.pool.fetch(_QUEUED)]

    async def names(self, *, destination: str = "broker") -> list[str]:
        return [entry["name"] for entry in await self.entries() if entry["destination"] == destination]
