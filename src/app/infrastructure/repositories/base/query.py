"""From a filter to a statement. Statements of one shape share one compiled form.

A shape is everything of a query but its values: columns, lookups, groups, order, whether there
is a limit. Compiling one costs some 300 µs; finding it again, a few.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import count as counter
from typing import Any, Literal, NamedTuple, TypeAlias

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

from src.app.application.common.filters import (
    PAGE_KEYS,
    Condition,
    Family,
    Q,
    Takes,
    Where,
    unknown,
)
from src.app.domain.common.exceptions import ValidationError
from src.app.infrastructure.repositories.base.columns import Columns, visible
from src.app.infrastructure.repositories.base.guards import SecurityValidator, unbounded
from src.app.infrastructure.repositories.base.lookups import LOOKUPS, Lookup
from src.app.infrastructure.repositories.base.order import Order, Sort, at_position, ordered_value, position_of
from src.app.infrastructure.repositories.base.stored import stored_columns

MAX_ROWS = 2**62
MAX_SHAPES = 1000
SOFT_DELETE = "is_deleted"
VERSION = "version"
UPDATED_AT = "updated_at"
_DIALECT = asyncpg_dialect()  # type: ignore[no-untyped-call]

ForUpdate = bool | Literal["skip_locked"]
Query: TypeAlias = tuple[str, list[Any]]
"""What runs: the SQL and its arguments."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A compiled statement; `order` says which of the values stands for `$1`, `$2`, …"""

    sql: str
    order: tuple[int, ...]

    @classmethod
    def compile(cls, clause: ClauseElement) -> "Statement":
        """Compile a clause whose parameters are named by their place: `p0`, `p1`, …"""
        result = clause.compile(dialect=_DIALECT)
        names: Iterable[str] = getattr(result, "positiontup", None) or ()
        return cls(str(result), tuple(int(name[1:]) for name in names))

    def with_values(self, values: Sequence[Any]) -> Query:
        return self.sql, [values[place] for place in self.order]


@dataclass(frozen=True, slots=True)
class _Term:
    """A key of a filter, understood: all of a condition but its value."""

    column: str
    path: tuple[str, ...]
    lookup: Lookup
    guard: SecurityValidator


class _Comparison(NamedTuple):
    """The shape of a condition; `whether` belongs to it because `(x IS NULL) = $1` finds no index."""

    column: str
    has_path: bool
    lookup: Lookup
    whether: bool | None


class _Group(NamedTuple):
    connector: str
    negated: bool
    children: "tuple[_Group | _Comparison, ...]"


class _Places:
    """Hands out the parameters of a statement, in the order in which the values were collected."""

    def __init__(self) -> None:
        self._numbers: Iterator[int] = counter()

    def next(self, type_: Any) -> ColumnElement[Any]:
        return bindparam(f"p{next(self._numbers)}", type_=type_)


class QueryBuilder:
    """Builds the statements of one table."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._statements: dict[Hashable, Statement] = {}
        self._plain: dict[Hashable, tuple[Statement, list[Callable[[Any], Any]]]] = {}
        self._term = lru_cache(MAX_SHAPES)(self._parse)
        self._order = lru_cache(MAX_SHAPES)(partial(Order.parse, table))

    @property
    def shapes(self) -> int:
        """How many compiled statements are kept."""
        return len(self._statements)

    def order(self, order_data: Sequence[str], *, is_total: bool = False) -> Order:
        """Return the order that the keys write; a total one is ended by the primary key.

        Raises:
            ValidationError: the table has no such column, or cannot be ordered by it.
        """
        if not isinstance(order_data, (list, tuple)) or not all(isinstance(text, str) for text in order_data):
            raise ValidationError("An order is a list of keys", field="order")
        return self._order(tuple(order_data), is_total=is_total)

    def select(
        self,
        columns: Columns,
        where: Where = None,
        *,
        order: Sequence[str] = (),
        limit: int | None = None,
        offset: int | None = None,
        for_update: ForUpdate = False,
        with_deleted: bool = False,
    ) -> Query:
        """Return a SELECT of `columns` and its arguments."""
        values: list[Any] = []
        plain = None
        if type(where) is dict and order in ((), []) and offset is None:
            # A few values compared with columns, as almost every read of one thing does it: what
            # to do with them is known by the names of the keys.
            plain = (columns, tuple(where), limit is None, for_update, with_deleted)
            if plain in self._plain:
                statement, checks = self._plain[plain]
                values += [check(value) for check, value in zip(checks, where.values(), strict=True)]
                if limit is not None:
                    values.append(row_count("limit", limit))
                return statement.with_values(values)
        filtered = self._shape(where, values)
        by = self.order(order)
        values += _paths(by)
        bounds = self._bounds(values, limit, offset)

        def build() -> Select[Any]:
            places = _Places()
            rows = select(*self._labelled(columns)).where(
                self._clause(filtered, places, with_deleted=with_deleted)
            )
            rows = rows.order_by(*(sort.by(self._sorted(sort, places)) for sort in by.sorts))
            rows = _bounded(rows, bounds, places)
            return rows.with_for_update(skip_locked=for_update == "skip_locked") if for_update else rows

        key = ("select", columns, filtered, by.shape, bounds, for_update, with_deleted)
        statement = self._statement(key, build)
        if plain is not None and all(self._is_plain(name) for name in plain[1]):
            _keep(self._plain, plain, (statement, [self._term(name).guard.one for name in plain[1]]))
        return statement.with_values(values)

    def page(
        self,
        columns: Columns,
        where: Where,
        order: Order,
        *,
        limit: int,
        offset: int,
        after: Sequence[Any] | None,
        with_total: bool,
        with_deleted: bool,
    ) -> Query:
        """Return a SELECT of a page: after `columns` come the total, if asked for, and the position of each row.

        With `after` the page begins behind that position.
        """
        values: list[Any] = []
        filtered = self._shape(where, values)
        values += _paths(order)
        known = None if after is None else tuple(value is not None for value in after)
        values += [value for value in after or () if value is not None]
        bounds = self._bounds(values, limit, offset)

        def build() -> Select[Any]:
            places = _Places()
            clause = self._clause(filtered, places, with_deleted=with_deleted)
            sorted_by = [self._sorted(sort, places) for sort in order.sorts]
            if known is not None:
                position = [
                    at_position(value, places.next) if is_known else None
                    for value, is_known in zip(sorted_by, known, strict=True)
                ]
                clause = and_(clause, order.after(sorted_by, position))
            selected = self._labelled(columns)
            if with_total:
                # Counted beside the page: `count(*) OVER ()` would hold every row that matches
                # until the last, which takes five times as long unless few do.
                counted = select(func.count()).select_from(self.table).where(clause)
                selected.append(counted.correlate(None).scalar_subquery().label("total__"))
            if order.has_cursors:
                selected += [position_of(value).label(f"position__{n}") for n, value in enumerate(sorted_by)]
            rows = select(*selected).where(clause)
            rows = rows.order_by(*(sort.by(value) for sort, value in zip(order.sorts, sorted_by, strict=True)))
            return _bounded(rows, bounds, places)

        key = ("page", columns, filtered, order.shape, known, bounds, with_total, with_deleted)
        return self._statement(key, build).with_values(values)

    def count(self, where: Where = None, *, with_deleted: bool = False) -> Query:
        values: list[Any] = []
        filtered = self._shape(where, values)

        def build() -> Select[Any]:
            clause = self._clause(filtered, _Places(), with_deleted=with_deleted)
            return select(func.count()).select_from(self.table).where(clause)

        return self._statement(("count", filtered, with_deleted), build).with_values(values)

    def exists(self, where: Where = None, *, with_deleted: bool = False) -> Query:
        values: list[Any] = []
        filtered = self._shape(where, values)

        def build() -> Select[Any]:
            clause = self._clause(filtered, _Places(), with_deleted=with_deleted)
            return select(select(literal_column("1")).select_from(self.table).where(clause).exists())

        return self._statement(("exists", filtered, with_deleted), build).with_values(values)

    def insert(self, row: Mapping[str, Any], returning: Columns, *, unless_there: bool = False) -> Query:
        """Return an INSERT of one row; with `unless_there` it does nothing where a unique value is taken."""
        columns = tuple(row)
        stored_columns(self.table, columns).check_row(tuple(row.values()))

        def build() -> ClauseElement:
            statement = insert(self.table).values(self._assignments(columns, _Places()))
            statement = statement.on_conflict_do_nothing() if unless_there else statement
            return statement.returning(*self._returned(returning))

        key = ("insert", columns, returning, unless_there)
        return self._statement(key, build).with_values(list(row.values()))

    def update(
        self, row: Mapping[str, Any], where: Where, returning: Columns, *, with_deleted: bool = False
    ) -> Query:
        columns, values = tuple(row), list(row.values())
        stored_columns(self.table, columns).check_row(values)
        filtered = self._shape(where, values)

        def build() -> ClauseElement:
            places = _Places()
            assignments = self._assignments(columns, places)
            if VERSION in self.table.c:
                assignments.setdefault(VERSION, self.table.c[VERSION] + literal_column("1"))
            if UPDATED_AT in self.table.c:
                assignments.setdefault(UPDATED_AT, func.now())
            clause = self._clause(filtered, places, with_deleted=with_deleted)
            return self.table.update().values(assignments).where(clause).returning(*self._returned(returning))

        key = ("update", columns, filtered, returning, with_deleted)
        return self._statement(key, build).with_values(values)

    def delete(self, where: Where) -> Query:
        values: list[Any] = []
        filtered = self._shape(where, values)

        def build() -> ClauseElement:
            clause = self._clause(filtered, _Places(), with_deleted=True)
            return self.table.delete().where(clause).returning(literal_column("1"))

        return self._statement(("delete", filtered), build).with_values(values)

    def _statement(self, key: Hashable, build: Callable[[], ClauseElement]) -> Statement:
        statement = self._statements.get(key)
        if statement is None:
            statement = Statement.compile(build())
            _keep(self._statements, key, statement)
        return statement

    def _is_plain(self, key: str) -> bool:
        """Tell whether a condition has one value, which needs to be checked and nothing else."""
        if key in PAGE_KEYS:
            return False
        term = self._term(key)
        return term.lookup.takes is Takes.ONE and term.lookup.prepare is None and not term.path

    def _shape(self, where: Where, values: list[Any]) -> _Group:
        """Return the shape of a filter, and append its values to `values` in the order of the shape."""

        def of_group(group: Q) -> _Group:
            children = (
                of_group(child) if isinstance(child, Q) else self._comparison(*child, values)
                for child in group.children
            )
            return _Group(group.connector, group.negated, tuple(children))

        return of_group(Q.of(where).bounded())

    def _comparison(self, key: str, value: Any, values: list[Any]) -> _Comparison:
        term = self._term(key)
        takes, prepare, guard = term.lookup.takes, term.lookup.prepare, term.guard
        if term.path:
            values.append(list(term.path))
        if takes is Takes.WHETHER:
            return _Comparison(term.column, bool(term.path), term.lookup, guard.whether(value))
        if takes is Takes.MANY:
            values.append(guard.many(value))
        else:
            checked = [guard.one(value)] if takes is Takes.ONE else guard.two(value)
            values += [guard.prepared(prepare, one) for one in checked] if prepare else checked
        return _Comparison(term.column, bool(term.path), term.lookup, None)

    def _clause(self, filtered: _Group, places: _Places, *, with_deleted: bool) -> ColumnElement[bool]:
        clause = self._joined(filtered, places)
        if SOFT_DELETE in self.table.c and not with_deleted:
            return and_(clause, self.table.c[SOFT_DELETE].is_(False))
        return clause

    def _joined(self, group: _Group, places: _Places) -> ColumnElement[bool]:
        clauses = [
            self._joined(child, places) if isinstance(child, _Group) else self._compared(child, places)
            for child in group.children
        ]
        joined = or_(false(), *clauses) if group.connector == "OR" else and_(true(), *clauses)
        return not_(joined) if group.negated else joined

    def _compared(self, comparison: _Comparison, places: _Places) -> ColumnElement[bool]:
        lookup = comparison.lookup
        target = self._target(comparison.column, comparison.has_path, places)
        type_ = unbounded(lookup.value_type or target.type)
        match lookup.takes:
            case Takes.WHETHER:
                return lookup.expression(target, comparison.whether)
            case Takes.MANY:
                return lookup.expression(target, places.next(ARRAY(type_)))
            case Takes.TWO:
                return lookup.expression(target, places.next(type_), places.next(type_))
            case Takes.ONE:
                return lookup.expression(target, places.next(type_))

    def _sorted(self, sort: Sort, places: _Places) -> ColumnElement[Any]:
        return ordered_value(self._target(sort.key.column, bool(sort.key.path), places))

    def _target(self, column: str, has_path: bool, places: _Places) -> ColumnElement[Any]:
        target: ColumnElement[Any] = self.table.c[column]
        return target.op("#>", return_type=target.type)(places.next(ARRAY(Text()))) if has_path else target

    def _parse(self, key: str) -> _Term:
        condition = Condition.parse(key, columns=visible(self.table), lookups=LOOKUPS.names())
        column = self.table.c[condition.column]
        guard = SecurityValidator(condition.column, column.type)
        if condition.path and guard.family is not Family.JSON:
            raise unknown(f"lookup on {condition.column}", condition.path[-1], LOOKUPS.names(guard.family))
        found = LOOKUPS.find(guard.family, condition.lookup)
        if found is None:
            raise unknown(f"lookup on {condition.column}", condition.lookup, LOOKUPS.names(guard.family))
        if found.value_type is not None:
            guard = SecurityValidator(condition.column, found.value_type)
        return _Term(condition.column, condition.path, found, guard)

    def _bounds(self, values: list[Any], limit: int | None, offset: int | None) -> tuple[bool, bool]:
        for name, number in (("limit", limit), ("offset", offset)):
            if number is not None:
                values.append(row_count(name, number))
        return limit is not None, offset is not None

    def _assignments(self, columns: Iterable[str], places: _Places) -> dict[str, ColumnElement[Any]]:
        return {name: places.next(self.table.c[name].type) for name in columns}

    def _labelled(self, columns: Columns) -> list[ColumnElement[Any]]:
        return [self.table.c[name].label(label) for label, name in columns.items()]

    def _returned(self, returning: Columns) -> list[ColumnElement[Any]]:
        return self._labelled(returning) or [literal_column("1")]


def row_count(name: str, number: Any, *, least: int = 0, most: int = MAX_ROWS) -> int:
    """Return how many rows a limit, an offset or a batch means.

    Raises:
        ValidationError: it is no such number.
    """
    if type(number) is not int or not least <= number <= most:
        raise ValidationError(f"{name} is a whole number from {least} to {most}", field=name)
    return number


def _keep(kept: dict[Any, Any], key: Hashable, value: object) -> None:
    if len(kept) >= MAX_SHAPES:
        del kept[next(iter(kept))]
    kept[key] = value


def _paths(order: Order) -> list[list[str]]:
    return [list(sort.key.path) for sort in order.sorts if sort.key.path]


def _bounded(rows: Select[Any], bounds: tuple[bool, bool], places: _Places) -> Select[Any]:
    has_limit, has_offset = bounds
    rows = rows.limit(places.next(BigInteger())) if has_limit else rows
    return rows.offset(places.next(BigInteger())) if has_offset else rows
