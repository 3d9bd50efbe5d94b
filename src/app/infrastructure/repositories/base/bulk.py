"""Many rows in one statement: one array for each column, taken apart by `unnest`.

The statement is the same however many rows there are, so it is compiled by nobody twice.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect

from src.app.application.common.filters import unknown
from src.app.domain.common.exceptions import ValidationError
from src.app.infrastructure.repositories.base.query import VERSION

Rows = Sequence[Mapping[str, Any]]
_DIALECT = asyncpg_dialect()  # type: ignore[no-untyped-call]
_QUOTE = _DIALECT.identifier_preparer.quote


def columns_and_values(table: Table, rows: Rows) -> tuple[list[str], list[list[Any]]]:
    """Return what COPY takes: the columns, and the values of each row in their order."""
    columns = _columns(table, rows)
    return columns, [[row[name] for name in columns] for row in rows]


def insert(
    table: Table, rows: Rows, returning: Mapping[str, str], *, conflict: Sequence[str] = ()
) -> tuple[str, list[Any]]:
    """Return an INSERT of all rows that answers `returning` (label → column) in their order.

    Where the `conflict` columns are taken, the row that has them is updated.
    """
    columns = _columns(table, rows)
    names = ", ".join(map(_QUOTE, columns))
    sql = (
        f"INSERT INTO {_QUOTE(table.name)} ({names}) "
        f"SELECT {names} FROM {_unnested(table, columns)} ORDER BY place__ "
        f"{_on_conflict(table, columns, conflict)}RETURNING {_returned(returning)}"
    )
    return sql, _arrays(columns, rows)


def _on_conflict(table: Table, columns: Sequence[str], conflict: Sequence[str]) -> str:
    if not conflict:
        return ""
    for name in conflict:
        if name not in columns:
            raise unknown("column of these rows", name, columns)
    # A row that is there keeps the name by which it is known outside.
    changes = [f"{_QUOTE(name)} = EXCLUDED.{_QUOTE(name)}" for name in columns if name not in {*conflict, "uuid"}]
    if VERSION in table.c and VERSION not in columns:
        changes.append(f"{VERSION} = {_QUOTE(table.name)}.{VERSION} + 1")
    if not changes:
        raise ValidationError("There is nothing to update besides the columns in conflict")
    return f"ON CONFLICT ({', '.join(map(_QUOTE, conflict))}) DO UPDATE SET {', '.join(changes)} "


def update(table: Table, rows: Rows, key: str, returning: Mapping[str, str]) -> tuple[str, list[Any]]:
    """Return an UPDATE of each row by its key."""
    columns = _columns(table, rows)
    if key not in columns:
        raise ValidationError(f"Each row needs its key, {key}", field=key)
    changes = [f"{_QUOTE(name)} = given.{_QUOTE(name)}" for name in columns if name != key]
    if not changes:
        raise ValidationError("There is nothing to update besides the key", field=key)
    if VERSION in table.c and VERSION not in columns:
        changes.append(f"{VERSION} = {_QUOTE(table.name)}.{VERSION} + 1")
    returned = _returned({label: f"{table.name}.{column}" for label, column in returning.items()})
    sql = (
        f"UPDATE {_QUOTE(table.name)} SET {', '.join(changes)} FROM {_unnested(table, columns)} "
        f"WHERE {_QUOTE(table.name)}.{_QUOTE(key)} = given.{_QUOTE(key)} RETURNING {returned}"
    )
    return sql, _arrays(columns, rows)


def _columns(table: Table, rows: Rows) -> list[str]:
    columns = list(rows[0])
    for name in columns:
        if name not in table.c:
            raise unknown("column", name, table.c.keys())
    if any(row.keys() != rows[0].keys() for row in rows):
        raise ValidationError("All rows of one call name the same columns")
    return columns


def _unnested(table: Table, columns: Sequence[str]) -> str:
    arrays = ", ".join(
        f"${place}::{table.c[name].type.compile(_DIALECT)}[]" for place, name in enumerate(columns, 1)
    )
    names = ", ".join(map(_QUOTE, columns))
    return f"unnest({arrays}) WITH ORDINALITY AS given({names}, place__)"


def _returned(returning: Mapping[str, str]) -> str:
    return (
        ", ".join(
            f"{'.'.join(map(_QUOTE, column.split('.')))} AS {_QUOTE(label)}" for label, column in returning.items()
        )
        or "1"
    )


def _arrays(columns: Sequence[str], rows: Rows) -> list[Any]:
    return [[row[name] for row in rows] for name in columns]
