"""From a filter to a statement. Statements of one shape share one compiled form.

A shape is everything of a query but its values: columns, lookups, groups, order, whether there
is a limit. Compiling one costs some 300 µs; finding it again, a few.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count as counter
from typing import Any, Literal

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.sql import ClauseElement

from src.app.application.common.filters import MAX_GROUP_DEPTH, PAGE_KEYS, FilterData, OrderKey, Q, parse, unknown
from src.app.domain.common.exceptions import ValidationError
from src.app.infrastructure.repositories.base.guards import SecurityValidator, family_of
from src.app.infrastructure.repositories.base.lookups import LOOKUPS, Family, Lookup, Takes

MAX_ROWS = 2**62
MAX_SHAPES = 1000
SOFT_DELETE = "is_deleted"
VERSION = "version"
_DIALECT = asyncpg_dialect()  # type: ignore[no-untyped-call]

Where = FilterData | Q | None
Lock = bool | Literal["skip_locked"]


@dataclass(frozen=True, slots=True)
class Statement:
    """A compiled statement; `order` says which of the values stands for `$1`, `$2`, …"""

    sql: str
    order: tuple[int, ...]

    def arguments(self, values: Sequence[Any]) -> list[Any]:
        return [values[place] for place in self.order]


def compiled(clause: ClauseElement) -> Statement:
    """Compile a clause whose parameters are named by their place: `p0`, `p1`, …"""
    result = clause.compile(dialect=_DIALECT)
    names: Iterable[str] = getattr(result, "positiontup", None) or ()
    return Statement(str(result), tuple(int(name[1:]) for name in names))


@dataclass(frozen=True, slots=True)
class _Term:
    """A key of a filter, understood: all of a condition but its value."""

    column: str
    path: tuple[str, ...]
    lookup: Lookup
    guard: SecurityValidator


class QueryBuilder:
    """Builds the statements of one table."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._statements: dict[Hashable, Statement] = {}
        self._term = lru_cache(MAX_SHAPES)(self._parse)

    def select(
        self,
        columns: Mapping[str, str],
        where: Where = None,
        *,
        order: Sequence[str] = (),
        limit: int | None = None,
        offset: int | None = None,
        lock: Lock = False,
        with_total: bool = False,
        with_deleted: bool = False,
    ) -> tuple[str, list[Any]]:
        """Return a SELECT of `columns` (label → column) and its arguments."""
        values: list[Any] = []
        shape = self._shape(where, values)
        bounds = [self._rows(name, number) for name, number in (("limit", limit), ("offset", offset))]
        keys = tuple(self._order_key(text) for text in order)
        values += [bound for bound in bounds if bound is not None]

        def build() -> Select[Any]:
            places = counter()
            selected = [self.table.c[name].label(label) for label, name in columns.items()]
            if with_total:
                selected.append(func.count().over().label("total"))
            statement = select(*selected).where(self._clause(shape, places, with_deleted=with_deleted))
            for key in keys:
                column = self.table.c[key.column]
                statement = statement.order_by((column.desc() if key.descending else column.asc()).nulls_last())
            if bounds[0] is not None:
                statement = statement.limit(_parameter(places, BigInteger()))
            if bounds[1] is not None:
                statement = statement.offset(_parameter(places, BigInteger()))
            return statement.with_for_update(skip_locked=lock == "skip_locked") if lock else statement

        is_bounded = tuple(bound is not None for bound in bounds)
        key = ("select", tuple(columns.items()), shape, keys, is_bounded, lock, with_total, with_deleted)
        return self._statement(key, build, values)

    def count(self, where: Where = None, *, with_deleted: bool = False) -> tuple[str, list[Any]]:
        values: list[Any] = []
        shape = self._shape(where, values)
        return self._statement(
            ("count", shape, with_deleted),
            lambda: (
                select(func.count())
                .select_from(self.table)
                .where(self._clause(shape, counter(), with_deleted=with_deleted))
            ),
            values,
        )

    def exists(self, where: Where = None, *, with_deleted: bool = False) -> tuple[str, list[Any]]:
        values: list[Any] = []
        shape = self._shape(where, values)

        def build() -> Select[Any]:
            rows: Select[Any] = select(literal_column("1")).where(
                self._clause(shape, counter(), with_deleted=with_deleted)
            )
            return select(rows.select_from(self.table).exists())

        return self._statement(("exists", shape, with_deleted), build, values)

    def insert(
        self, row: Mapping[str, Any], returning: Mapping[str, str], *, unless_there: bool = False
    ) -> tuple[str, list[Any]]:
        """Return an INSERT of one row; with `unless_there` it does nothing where a unique value is taken."""
        columns = tuple(row)

        def build() -> ClauseElement:
            statement = insert(self.table).values(self._assignments(columns, counter()))
            statement = statement.on_conflict_do_nothing() if unless_there else statement
            return statement.returning(*self._returned(returning))

        return self._statement(
            ("insert", columns, tuple(returning.items()), unless_there), build, list(row.values())
        )

    def update(
        self, row: Mapping[str, Any], where: Where, returning: Mapping[str, str], *, with_deleted: bool = False
    ) -> tuple[str, list[Any]]:
        columns, values = tuple(row), list(row.values())
        shape = self._shape(where, values)

        def build() -> ClauseElement:
            places = counter()
            assignments = self._assignments(columns, places)
            if VERSION in self.table.c:
                assignments.setdefault(VERSION, self.table.c[VERSION] + literal_column("1"))
            clause = self._clause(shape, places, with_deleted=with_deleted)
            return self.table.update().values(assignments).where(clause).returning(*self._returned(returning))

        return self._statement(("update", columns, shape, tuple(returning.items()), with_deleted), build, values)

    def delete(self, where: Where) -> tuple[str, list[Any]]:
        values: list[Any] = []
        shape = self._shape(where, values)
        return self._statement(
            ("delete", shape),
            lambda: (
                self.table.delete()
                .where(self._clause(shape, counter(), with_deleted=True))
                .returning(literal_column("1"))
            ),
            values,
        )

    def _statement(
        self, key: Hashable, build: Callable[[], ClauseElement], values: list[Any]
    ) -> tuple[str, list[Any]]:
        statement = self._statements.get(key)
        if statement is None:
            statement = compiled(build())
            if len(self._statements) >= MAX_SHAPES:
                del self._statements[next(iter(self._statements))]
            self._statements[key] = statement
        return statement.sql, statement.arguments(values)

    def _shape(self, where: Where, values: list[Any], depth: int = 0) -> tuple[Hashable, ...]:
        """Return the shape of a filter, and append its values to `values` in the order of the shape."""
        if depth > MAX_GROUP_DEPTH:
            raise ValidationError(f"Groups of conditions nest at most {MAX_GROUP_DEPTH} deep")
        group = where if isinstance(where, Q) else None
        children: Iterable[Q | tuple[str, Any]] = group.children if group else (where or {}).items()  # type: ignore[union-attr]
        shapes: list[Hashable] = [group.connector if group else "AND", group.negated if group else False]
        for child in children:
            if isinstance(child, Q):
                shapes.append(self._shape(child, values, depth + 1))
            elif child[0] not in PAGE_KEYS:
                shapes.append(self._condition(self._term(child[0]), child[1], values))
        return tuple(shapes)

    def _condition(self, term: _Term, value: Any, values: list[Any]) -> Hashable:
        if term.path:
            values.append(list(term.path))
        takes, prepare = term.lookup.takes, term.lookup.prepare
        whether: bool | None = None
        if takes is Takes.WHETHER:
            # Whether is part of the statement: `(x IS NULL) = $1` would find no index.
            whether = term.guard.whether(value)
        elif takes is Takes.ONE:
            checked = term.guard.one(value)
            values.append(prepare(checked) if prepare else checked)
        elif takes is Takes.TWO:
            values.extend(term.guard.two(value))
        else:
            values.append(term.guard.many(value))
        return (term.column, bool(term.path), term.lookup, whether)

    def _clause(
        self, shape: tuple[Any, ...], places: "counter[int]", *, with_deleted: bool
    ) -> ColumnElement[bool]:
        clause = self._group(shape, places)
        if SOFT_DELETE in self.table.c and not with_deleted:
            return and_(clause, self.table.c[SOFT_DELETE].is_(False))
        return clause

    def _group(self, shape: tuple[Any, ...], places: "counter[int]") -> ColumnElement[bool]:
        connector, negated, *children = shape
        clauses = [
            self._group(child, places) if child[0] in ("AND", "OR") else self._comparison(child, places)
            for child in children
        ]
        joined = or_(false(), *clauses) if connector == "OR" else and_(true(), *clauses)
        return not_(joined) if negated else joined

    def _comparison(self, condition: Any, places: "counter[int]") -> ColumnElement[bool]:
        column, has_path, whether = condition[0], condition[1], condition[3]
        lookup: Lookup = condition[2]
        target: ColumnElement[Any] = self.table.c[column]
        type_ = lookup.value_type or target.type
        if has_path:
            target = target.op("#>", return_type=target.type)(_parameter(places, ARRAY(Text())))
        if lookup.takes is Takes.WHETHER:
            return lookup.expression(target, whether)
        if lookup.takes is Takes.MANY:
            return lookup.expression(target, _parameter(places, ARRAY(type_)))
        parameters = [_parameter(places, type_) for _ in range(2 if lookup.takes is Takes.TWO else 1)]
        return lookup.expression(target, *parameters)

    def _parse(self, key: str) -> _Term:
        condition = parse(key, columns=self.table.c.keys(), lookups=LOOKUPS.names())
        column = self.table.c[condition.column]
        if column.info.get("sensitive"):
            raise ValidationError(f"{condition.column} cannot be filtered by", field=condition.column)
        family = family_of(column.type)
        if condition.path and family is not Family.JSON:
            raise ValidationError(f"{condition.column} is not JSON and has no paths", field=key)
        found = LOOKUPS.find(family, condition.lookup)
        if found is None:
            raise unknown(f"lookup on {condition.column}", condition.lookup, LOOKUPS.names(family))
        guard = SecurityValidator(condition.column, found.value_type or column.type)
        return _Term(condition.column, condition.path, found, guard)

    def _order_key(self, text: str) -> OrderKey:
        key = OrderKey.parse(text)
        self._column(key.column)
        return key

    def _rows(self, name: str, number: int | None) -> int | None:
        if number is not None and (type(number) is not int or not 0 <= number <= MAX_ROWS):
            raise ValidationError(f"{name} is a whole number from 0", field=name)
        return number

    def _assignments(self, columns: Iterable[str], places: "counter[int]") -> dict[str, ColumnElement[Any]]:
        return {name: _parameter(places, self._column(name).type) for name in columns}

    def _column(self, name: str) -> ColumnElement[Any]:
        if name not in self.table.c:
            raise unknown("column", name, self.table.c.keys())
        return self.table.c[name]

    def _returned(self, returning: Mapping[str, str]) -> list[ColumnElement[Any]]:
        return [self.table.c[name].label(label) for label, name in returning.items()] or [literal_column("1")]


def _parameter(places: "counter[int]", type_: Any) -> ColumnElement[Any]:
    return bindparam(f"p{next(places)}", type_=type_)
