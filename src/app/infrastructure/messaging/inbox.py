"""What was already heard: a message and its handler are noted in the transaction of the effect."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from src.app.infrastructure.extensions.psql_ext import Database

# Longer than any broker, delay or replay brings a message back.
RETENTION = timedelta(days=30)

_NOTE = "INSERT INTO inbox (message_id, handler) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1"
_PRUNE = "DELETE FROM inbox WHERE handled_at < now() - $1::interval RETURNING 1"


@asynccontextmanager
async def handled_once(database: Database, *, message_id: str, handler: str) -> AsyncIterator[bool]:
    """Open the transaction in which `handler` handles a message; False says that it did before.

    Every unit of work inside joins it. Of two deliveries at once the second waits for the first,
    and finds the message handled, or handles it when the first failed.
    """
    async with database.ambient_transaction() as executor:
        yield bool(await executor.fetch(_NOTE, [message_id[:255], handler]))


async def prune_inbox(database: Database) -> int:
    """Forget what is older than `RETENTION`; return how many that were."""
    return len(await database.executor.fetch(_PRUNE, [RETENTION]))
