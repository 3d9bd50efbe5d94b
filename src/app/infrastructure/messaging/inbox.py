"""What was already heard: a message and its handler are noted in the transaction of the effect."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import Enum
from hashlib import sha256

from src.app.infrastructure.extensions.psql_ext import Database, Executor
from src.app.infrastructure.extensions.psql_ext.pruning import prune

# Longer than any broker, delay or replay brings a message back.
RETENTION = timedelta(days=30)
MAX_ID_LENGTH = 255

_NOTE = """
WITH held AS (
    SELECT FROM dead_letters WHERE $4::varchar <> '' AND queue = $3::varchar AND key = $4 LIMIT 1
), noted AS (
    INSERT INTO inbox (message_id, handler) SELECT $1::varchar, $2::varchar WHERE NOT EXISTS (SELECT FROM held)
    ON CONFLICT DO NOTHING RETURNING 1
)
SELECT EXISTS (SELECT FROM held), EXISTS (SELECT FROM noted)
"""


class Heard(Enum):
    """What is known of a message."""

    NEW = "new"
    BEFORE = "before"
    HELD = "held"
    """One of its key that came before it is parked, so it has to wait too."""


async def note(executor: Executor, *, message_id: str, handler: str, queue: str = "", key: str = "") -> Heard:
    """Note a message as handled, in the transaction of its effect, unless another of its key is parked."""
    [[is_held, is_new]] = await executor.fetch(_NOTE, [named(message_id), handler, queue, key])
    return Heard.HELD if is_held else Heard.NEW if is_new else Heard.BEFORE


@asynccontextmanager
async def handled_once(database: Database, *, message_id: str, handler: str) -> AsyncIterator[bool]:
    """Open the transaction in which `handler` handles a message; False says that it did before.

    Every unit of work inside joins it. Of two deliveries at once the second waits for the first,
    and finds the message handled, or handles it when the first failed.
    """
    async with database.ambient_transaction() as executor:
        yield await note(executor, message_id=message_id, handler=handler) is Heard.NEW


def named(text: str) -> str:
    """Return an id or a key as it is stored.

    Cut off, two long ids with one beginning would be one message, and the second never handled.
    """
    if len(text) <= MAX_ID_LENGTH:
        return text
    return f"sha256:{sha256(text.encode()).hexdigest()}"


async def prune_inbox(database: Database) -> int:
    """Forget what is older than `RETENTION`; return how many that were."""
    return await prune(database, "inbox", "handled_at", older_than=RETENTION)
