"""Which tables were changed by which transactions, in memory.

A trigger on the table notifies with every statement that changes it, so PostgreSQL tells it when
the transaction commits, to every process, whoever wrote, and never of what was rolled back. What
has been read is dated by its horizon: the oldest transaction that was then still running. All
before it were seen, whatever came first, so what was read at a horizon beyond the last change of
a table has all changes of that table (docs/adr/0015).
"""

from collections.abc import Collection

from src.app.infrastructure.extensions.psql_ext import Executor
from src.app.infrastructure.extensions.psql_ext.listener import Channel, PlainConnection

CHANNEL = "table_changed"
TRIGGER = "announce_change"

_ANNOUNCED = """
SELECT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid WHERE tgname = $1 AND tgenabled <> 'D'
"""
# Another server, or this one brought back from a backup, counts its transactions anew.
_SERVER = """
SELECT concat_ws(' ', extract(epoch FROM pg_postmaster_start_time()), oid),
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint
FROM pg_database WHERE datname = current_database()
"""
_HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"


async def horizon(executor: Executor) -> int:
    """Return how far what is read from now on will have seen."""
    [[transaction]] = await executor.fetch(_HORIZON)
    return int(transaction)


class Changes:
    """What must have been seen of each table, as far as this process has heard."""

    server = ""
    """Whose transactions are counted."""

    def __init__(self) -> None:
        self._announced: frozenset[str] = frozenset()
        # What changed before this process listened, nobody told it.
        self._since = float("inf")
        self._last: dict[str, int] = {}

    @property
    def channel(self) -> Channel:
        """What is to be listened to, so that they stay current."""
        return Channel(CHANNEL, heard=self._hear, connected=self._begin)

    def refuse_unannounced(self, tables: Collection[str]) -> None:
        """Raise RuntimeError if nobody announces the changes of one of these tables."""
        if missing := set(tables) - self._announced:
            raise RuntimeError(
                f"Nobody announces changes of {', '.join(sorted(missing))}; "
                "a migration makes the trigger (docs/source/caching.md)"
            )

    def are_seen(self, tables: Collection[str], *, at: int) -> bool:
        """Tell whether what was read at this horizon has all changes of these tables."""
        return at >= self._since and all(at > self._last.get(table, 0) for table in tables)

    def _hear(self, payload: str) -> None:
        table, _, transaction = payload.rpartition(" ")
        self._last[table] = max(self._last.get(table, 0), int(transaction))

    async def _begin(self, connection: PlainConnection) -> None:
        self._since = float("inf")
        # Whatever was heard until now was committed before the answer to the next question.
        self._last.clear()
        self._announced = frozenset(table for (table,) in await connection.fetch(_ANNOUNCED, TRIGGER))
        self.server, self._since = await connection.fetchrow(_SERVER)
