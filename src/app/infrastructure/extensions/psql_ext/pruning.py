from datetime import timedelta

from src.app.infrastructure.extensions.psql_ext.database import Database

PART = 10_000


async def prune(database: Database, table: str, column: str, *, older_than: timedelta) -> int:
    """Delete the rows whose moment in `column` is older, and return how many they were.

    In parts: after days without a worker, one statement would take longer than a statement may.
    """
    sql = (
        f"DELETE FROM {table} WHERE ctid = ANY(ARRAY("
        f"SELECT ctid FROM {table} WHERE {column} < now() - $1::interval LIMIT {PART})) RETURNING 1"
    )
    pruned = 0
    while part := len(await database.executor.fetch(sql, [older_than])):
        pruned += part
    return pruned
