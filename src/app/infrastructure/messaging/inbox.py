"""What was already heard: a message and its handler are noted in the transaction of the effect."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from hashlib import sha256

from src.app.infrastructure.extensions.psql_ext import Database
from src.app.infrastructure.extensions.psql_ext.pruning import prune

# Longer than any broker, delay or replay brings a message back.
RETENTION = timedelta(days=30)
MAX_ID_LENGTH = 255

_NOTE = "INSERT INTO inbox (message_id, handler) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1"


@asynccontextmanager
async def handled_once(database: Database, *, message_id: str, handler: str) -> AsyncIterator[bool]:
    """Open the transaction in which `handler` handles a message; False says that it did before.

    Every unit of work inside joins it. Of two deliveries at once the second waits for the first,
    and finds the message handled, or handles it when the first failed.
    """
    async with database.ambient_transaction() as executor:
        yield bool(await executor.fetch(_NOTE, [_name(message_id), handler]))


def _name(message_id: str) -> str:
    # Cut off, two long ids with one beginning would be one message, and the second never handled.
    if len(message_id) <= MAX_ID_LENGTH:
        return message_id
    return f"sha256:{sha256(message_id.encode()).hexdigest()}"


async def prune_inbox(database: Database) -> int:
    """Forget what is older than `RETENTION`; return how many that were."""
    return await prune(database, "inbox", "handled_at", older_than=RETENTION)
