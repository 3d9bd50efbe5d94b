"""Many rows in one statement: one array for each column, taken apart by `unnest`, or a COPY.

The statement is the same however many rows there are, so it is compiled by nobody twice.
"""

import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from operator import itemgetter
from types import NoneType
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Column, Enum, PrimaryKeyConstraint, String, Table, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect

from src.app.application.common.filters import Family, unknown
from src.app.domain.common.exceptions import ValidationError
from src.app.infrastructure.extensions.psql_ext.json import json_parameter
from src.app.infrastructure.repositories.base.columns import Columns, visible
from src.app.infrastructure.repositories.base.guards import SecurityValidator
from src.app.infrastructure.repositories.base.query import SOFT_DELETE, UPDATED_AT, VERSION, Query
from src.app.infrastructure.repositories.base.stored import StoredColumns, row_of, rows_of, stored_columns

Data = Mapping[str, Any]
Rows = Sequence[Data]

# A statement of more rows would run into the statement timeout, and hold too much at once.
MAX_ROWS_OF_STATEMENT = 20_000
MIN_ROWS_TO_COPY = 2_000
LOOKED_AT_ONCE = 500

_NO_KEYS = frozenset({Family.JSON, Family.LIST, Family.DOCUMENT, Family.OTHER})

_DIALECT = asyncpg_dialect()  # type: ignore[no-untyped-call]
_QUOTE = _DIALECT.identifier_preparer.quote
_NAME = _DIALECT.identifier_preparer.format_table


def chunks(rows: Rows) -> Iterator[Rows]:
    for start in range(0, len(rows), MAX_ROWS_OF_STATEMENT):
        yield rows[start : start + MAX_ROWS_OF_STATEMENT]


class Copied:
    """What COPY takes: the columns, and the values of each row in their order, made when they are taken.

    Raises:
        ValidationError: a row names other columns than the first, or its values are not of their
            types; raised when it is taken.
    """

    def __init__(self, table: Table, items: Iterable[Data]) -> None:
        rows = iter(rows_of(items))
        head = list(islice(rows, 1))
        self.columns: list[str] = _named(head[0]) if head else []
        self.in_hand: list[Data] = []
        """The rows that are being handed out; none while the next are being made."""
        self.fault: Exception | None = None
        """What went wrong in the making of a row, which is its maker's matter and not the database's."""
        stored = stored_columns(table, tuple(self.columns))
        made = self._made(chain(head, rows))
        self._values = _values(stored, self.columns, made, self.in_hand) if head else iter(())

    def statements(self) -> Iterator[Iterator[tuple[Any, ...]]]:
        """Yield the rows of one statement after the other; the next begins when the last is used up."""
        for first in self._values:
            yield chain((first,), islice(self._values, MAX_ROWS_OF_STATEMENT - 1))

    def _made(self, rows: Iterable[Data]) -> Iterator[Data]:
        try:
            yield from rows
        except Exception as fault:
            self.fault = fault
            raise


def has_reservable_ids(table: Table) -> bool:
    """Tell whether rows may come with ids that were taken out of the table's sequence before."""
    identity = table.c.id.identity if "id" in table.c else None
    return identity is not None and not identity.always


def reserve_ids(table: Table, number: int) -> Query:
    """Return a SELECT that takes so many ids out of the table's sequence, for rows that come with them."""
    # Without OFFSET the name of the sequence would be looked up for each of them.
    sql = (
        "SELECT nextval(ids.sequence) "
        "FROM (SELECT pg_get_serial_sequence($1, 'id')::regclass AS sequence OFFSET 0) AS ids, "
        "generate_series(1, $2::bigint)"
    )
    return sql, [_NAME(table), number]


def insert(table: Table, rows: Rows, returning: Columns, *, conflict: Sequence[str] = ()) -> Query:
    """Return an INSERT of all rows that answers `returning` (label → column) in their order.

    Where the `conflict` columns are taken, the row that has them is updated.
    """
    columns = _named(rows[0])
    arrays = _arrays(table, columns, rows)
    names = ", ".join(map(_QUOTE, columns))
    sql = (
        f"INSERT INTO {_NAME(table)} ({names}) "
        f"SELECT {', '.join(_given(table, name) for name in columns)} FROM {_unnested(table, columns)} "
        f"ORDER BY given.place__ {_on_conflict(table, columns, conflict)}RETURNING {_returned(table, returning)}"
    )
    return sql, arrays


def refuse_repeated(table: Table, rows: Rows, *keys: str) -> None:
    """Refuse rows without their keys, and two of the same.

    Raises:
        ValidationError: there are such, or a column can be no key.
    """
    given = [_keys_of(table, rows, key) for key in keys]
    if len(set(zip(*given, strict=True))) != len(rows):
        raise ValidationError("Two rows of one call are about the same row", field=keys[0])


def _keys_of(table: Table, rows: Rows, key: str) -> list[Any]:
    if key not in visible(table):
        raise unknown("column", key, visible(table))
    guard = SecurityValidator(key, table.c[key].type)
    if guard.family in _NO_KEYS:
        raise ValidationError(f"{key} cannot be the key of a row", field=key)
    try:
        given = [row[key] for row in rows]
    except (KeyError, TypeError):
        given = [row_of(row).get(key) for row in rows]
    types = set(map(type, given))
    if NoneType in types:
        raise ValidationError(f"Each row needs its key, {key}", field=key)
    # As the database compares them: a UUID may be written in several ways.
    return given if types in ({int}, {UUID}) else list(map(guard.one, given))


def refuse_conflict(table: Table, conflict: Sequence[str]) -> None:
    """Refuse columns that can have no conflict, because they are not unique together.

    Raises:
        ValidationError: they are such.
    """
    known = visible(table)
    if not isinstance(conflict, (list, tuple)):
        raise ValidationError("A conflict is a list of columns", field="conflict")
    if not conflict:
        raise ValidationError("A conflict names at least one column", field="conflict")
    for name in conflict:
        if name not in known:
            raise unknown("column", name, known)
    unique = [names for names in _unique(table) if names <= set(known)]
    if set(conflict) not in unique:
        told = (", ".join(name for name in known if name in names) for names in unique)
        raise unknown("unique columns", ", ".join(conflict), told)


def update(table: Table, rows: Rows, returning: Columns, *, key: str) -> Query:
    """Return an UPDATE of each row by its key."""
    columns = _named(rows[0])
    arrays = _arrays(table, columns, rows)
    given = {name: _given(table, name) for name in columns}
    return _update(table, given, key, returning, source=_unnested(table, columns)), arrays


class CopiedUpdate:
    """An UPDATE of each row by its key, out of a temporary table that the rows are copied into.

    Beyond some thousand rows this takes two thirds of the time of `update`: COPY is quicker than
    arrays, and PostgreSQL knows how many there are.
    """

    def __init__(self, table: Table, rows: Rows, returning: Columns, *, key: str) -> None:
        self.columns = _named(rows[0])
        stored = stored_columns(table, tuple(self.columns))
        self.values = _values(stored, self.columns, rows, [])
        # Named after what it holds: the driver keeps statements by their text.
        self.name = f"given_{zlib.crc32(repr((table.fullname, self.columns)).encode())}"
        names = ", ".join(map(_QUOTE, self.columns))
        self.create = (
            f"CREATE TEMPORARY TABLE {self.name} ON COMMIT DROP AS SELECT {names} FROM {_NAME(table)} WITH NO DATA"
        )
        given = {name: f"given.{_QUOTE(name)}" for name in self.columns}
        self.update = _update(table, given, key, returning, source=f"{self.name} AS given")
        self.drop = f"DROP TABLE {self.name}"


def _update(table: Table, given: Mapping[str, str], key: str, returning: Columns, *, source: str) -> str:
    changes = [f"{_QUOTE(name)} = {value}" for name, value in given.items() if name != key]
    if not changes:
        raise ValidationError("There is nothing to update besides the key", field=key)
    alive = f" AND NOT {_NAME(table)}.{SOFT_DELETE}" if SOFT_DELETE in table.c else ""
    return (
        f"UPDATE {_NAME(table)} SET {', '.join([*changes, *_marks(table, given)])} FROM {source} "
        f"WHERE {_NAME(table)}.{_QUOTE(key)} = given.{_QUOTE(key)}{alive} RETURNING {_returned(table, returning)}"
    )


def _on_conflict(table: Table, columns: Sequence[str], conflict: Sequence[str]) -> str:
    if not conflict:
        return ""
    for name in conflict:
        if name not in columns:
            raise unknown("column of these rows", name, columns)
    # A row that is there keeps the names by which it is known, inside and outside.
    kept = {*conflict, "uuid", *table.primary_key.columns.keys()}
    changes = [f"{_QUOTE(name)} = EXCLUDED.{_QUOTE(name)}" for name in columns if name not in kept]
    if not changes:
        raise ValidationError("There is nothing to update besides the columns in conflict")
    return (
        f"ON CONFLICT ({', '.join(map(_QUOTE, conflict))}) "
        f"DO UPDATE SET {', '.join([*changes, *_marks(table, columns)])} "
    )


def _marks(table: Table, columns: Collection[str]) -> list[str]:
    """Return what every change of a row changes besides."""
    marks = {VERSION: f"{_NAME(table)}.{VERSION} + 1", UPDATED_AT: "now()"}
    return [f"{name} = {value}" for name, value in marks.items() if name in table.c and name not in columns]


def _unique(table: Table) -> Iterator[set[str]]:
    """Yield which columns are unique together, at once and in the whole table."""
    for constraint in table.constraints:
        if isinstance(constraint, (PrimaryKeyConstraint, UniqueConstraint)) and not constraint.deferrable:
            yield set(constraint.columns.keys())
    for index in table.indexes:
        is_whole = index.dialect_options["postgresql"]["where"] is None
        if index.unique and is_whole and all(isinstance(part, Column) for part in index.expressions):
            yield set(index.columns.keys())


def _named(row: object) -> list[str]:
    columns = list(row_of(row))
    if not columns:
        raise ValidationError("A row names at least one column")
    return columns


def _arrays(table: Table, columns: list[str], rows: Rows) -> list[list[Any]]:
    stored = stored_columns(table, tuple(columns))
    arrays = [list(column) for column in zip(*_values(stored, columns, rows, []), strict=True)]
    for place, name in enumerate(columns):
        if isinstance(table.c[name].type, (ARRAY, JSONB)):
            arrays[place] = [json_parameter(value) for value in arrays[place]]
    return arrays


def _values(
    stored: StoredColumns, columns: list[str], rows: Iterable[Data], in_hand: list[Data]
) -> Iterator[tuple[Any, ...]]:
    # One column alone would be taken as a value, and not as a row of one.
    take: Callable[[Data], tuple[Any, ...]] = itemgetter(*columns) if len(columns) > 1 else _only(columns)
    rows = iter(rows)
    # Looked at by column, some rows at once: row by row it would cost a third of what COPY does.
    while part := list(islice(rows, LOOKED_AT_ONCE)):
        in_hand[:] = part
        try:
            taken = list(map(take, part))
            widths = set(map(len, part))
        except KeyError:
            widths = set()
        except TypeError:
            for row in part:
                row_of(row)
            raise
        if widths != {len(columns)}:
            raise ValidationError("All rows of one call name the same columns")
        stored.check_arrays(zip(*taken, strict=True))
        yield from taken
        in_hand.clear()


def _only(columns: list[str]) -> Callable[[Data], tuple[Any, ...]]:
    [name] = columns
    return lambda row: (row[name],)


def _unnested(table: Table, columns: Sequence[str]) -> str:
    arrays = ", ".join(f"${place}::{_array_of(table, name)}" for place, name in enumerate(columns, 1))
    names = ", ".join(map(_QUOTE, columns))
    return f"unnest({arrays}) WITH ORDINALITY AS given({names}, place__)"


def _array_of(table: Table, name: str) -> str:
    # `unnest` takes arrays of arrays apart to the last value, so a list travels as JSON.
    type_ = table.c[name].type
    if isinstance(type_, ARRAY):
        return "jsonb[]"
    # A cast to varchar(50) would cut off what is longer, where the column itself refuses it.
    is_text = isinstance(type_, String) and not isinstance(type_, Enum)
    return "text[]" if is_text else f"{type_.compile(_DIALECT)}[]"


def _given(table: Table, name: str) -> str:
    given, type_ = f"given.{_QUOTE(name)}", table.c[name].type
    if not isinstance(type_, ARRAY):
        return given
    elements = f"ARRAY(SELECT jsonb_array_elements_text({given}))::{type_.compile(_DIALECT)}"
    return f"CASE WHEN {given} IS NOT NULL THEN {elements} END"


def _returned(table: Table, returning: Columns) -> str:
    name_of_table = _NAME(table)
    returned = (f"{name_of_table}.{_QUOTE(column)} AS {_QUOTE(label)}" for label, column in returning.items())
    return ", ".join(returned) or "1"
