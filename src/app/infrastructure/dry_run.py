"""What handling a message would do, without doing it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from src.app.application.dto.dead_letters import DeadLetterDTO
from src.app.application.ports.messages import Handler
from src.app.domain.common.exceptions import AppException, ConflictError
from src.app.infrastructure.extensions.psql_ext import Database, Executor
from src.app.infrastructure.messaging.broker import Delivery
from src.app.infrastructure.messaging.opened import DeadError, Opened
from src.app.infrastructure.persistence.models.container import Base
from src.app.infrastructure.repositories.base.columns import visible

# Everybody else's rows are as they were when this began, so the newer ones are ours.
_ISOLATED = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
_BEGAN = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint % 4294967296"
_CHANGED = """
SELECT relname::text, n_tup_ins::int AS inserted, n_tup_upd::int AS updated, n_tup_del::int AS deleted
FROM pg_stat_xact_user_tables WHERE schemaname = current_schema()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What would be done to a table; `rows` are those that would be new or changed, without secrets."""

    table: str
    inserted: int
    updated: int
    deleted: int
    rows: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """How it would end: with `error`, or by writing; the events are the rows of `event_store`."""

    error: str | None
    written: list[Written]


class _UndoneError(Exception):
    """Raised to have a transaction rolled back that did what it should."""


async def rehearse(database: Database, handlers: Mapping[str, Handler], letter: DeadLetterDTO) -> Rehearsal:
    """Handle a message in a transaction that is rolled back, and say what it would have written.

    What a handler does elsewhere would be done, so one that hands the message to a task is not run.

    Raises:
        ConflictError: the handler's effect is not in PostgreSQL.
    """
    delivery = Delivery(
        body=letter.body,
        id=letter.message_id,
        key=letter.key,
        headers=letter.headers,
        attempts=letter.attempts,
        first_seen=letter.first_seen,
        receipt=None,
    )
    error, written = None, list[Written]()
    try:
        async with database.ambient_transaction() as executor:
            await executor.fetch(_ISOLATED)
            [[began]] = await executor.fetch(_BEGAN)
            before = await _changed(executor)
            error = await _failure(database, executor, handlers, delivery)
            if error is None:
                written = await _written(executor, began, before)
            raise _UndoneError
    except _UndoneError:
        return Rehearsal(error=error, written=written)


async def _failure(
    database: Database, executor: Executor, handlers: Mapping[str, Handler], delivery: Delivery
) -> str | None:
    try:
        opened = Opened.of(delivery, handlers)
    except DeadError as dead:
        return f"{dead.reason}: {dead.error}"
    if opened.handler.is_elsewhere:
        raise ConflictError(f"{opened.handler.name} is handed to a task, whose effect cannot be taken back")
    try:
        async with opened.named(), database.transaction():
            await opened.handle(executor)
    except AppException as refused:
        return f"{refused.code}: {refused.message}"
    except Exception as fault:
        return repr(fault)
    return None


async def _changed(executor: Executor) -> Counter[tuple[str, str]]:
    # Also what this connection did before, as long as the server has not counted it elsewhere.
    rows = await executor.fetch(_CHANGED)
    return Counter({(row["relname"], how): row[how] for row in rows for how in ("inserted", "updated", "deleted")})


async def _written(executor: Executor, began: int, before: Counter[tuple[str, str]]) -> list[Written]:
    changed = await _changed(executor) - before
    found = []
    for name in sorted({name for name, _ in changed} & Base.metadata.tables.keys()):
        columns = ", ".join(f'"{column}"' for column in visible(Base.metadata.tables[name]))
        rows = await executor.fetch(f'SELECT {columns} FROM "{name}" WHERE xmin::text::bigint >= $1', [began])
        found.append(
            Written(
                table=name,
                inserted=changed[name, "inserted"],
                updated=changed[name, "updated"],
                deleted=changed[name, "deleted"],
                rows=[dict(row) for row in rows],
            )
        )
    return found
