"""The order of a list, and where in it a page begins.

A page by cursor begins after a position: the values that the last row of the page before has in
the columns of the order. The primary key ends every order of pages, so no two rows share one.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import time
from decimal import Decimal
from typing import Any, Self

from sqlalchemy import ColumnElement, Table, Text, UnaryExpression, and_, false, func, literal_column, or_, tuple_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from src.app.application.common.filters import MAX_ORDER_KEYS, NULLS, Family, OrderKey, unknown
from src.app.domain.common.exceptions import ValidationError
from src.app.infrastructure.extensions.psql_ext.cursors import no_cursor
from src.app.infrastructure.repositories.base.columns import visible
from src.app.infrastructure.repositories.base.guards import SecurityValidator, unbounded

Column = ColumnElement[Any]

_WITHOUT_ORDER = {Family.DOCUMENT, Family.OTHER}
_NOT_IN_CURSORS = {Family.DURATION, Family.BYTES, Family.LIST}
_JSON_TEXT = SecurityValidator("cursor", Text())
_FROM_CURSOR: dict[Family, Callable[[Any], Any]] = {Family.NUMBER: Decimal, Family.TIME: time.fromisoformat}


@dataclass(frozen=True, slots=True)
class Sort:
    """One key of an order, on a column of the table."""

    key: OrderKey
    guard: SecurityValidator
    is_nullable: bool

    @classmethod
    def parse(cls, table: Table, text: str) -> Self:
        key = OrderKey.parse(text, columns=visible(table))
        column = table.c[key.column]
        guard = SecurityValidator(key.column, column.type)
        if guard.family in _WITHOUT_ORDER:
            raise ValidationError(f"{key.column} has no order", field=key.column)
        if key.path and guard.family is not Family.JSON:
            raise unknown(f"ending of {key.column}", key.path[-1], NULLS)
        return cls(key, guard, bool(column.nullable) or guard.family is Family.JSON)

    @property
    def shape(self) -> Hashable:
        return self.key.column, bool(self.key.path), self.key.descending, self.key.nulls_first

    def by(self, value: Column) -> UnaryExpression[Any]:
        ordered = value.desc() if self.key.descending else value.asc()
        # Said only where it matters: an index on a column without NULL serves both directions,
        # but no order that names a place for NULL.
        if not self.is_nullable or self.key.nulls_first == self.key.descending:
            return ordered
        return ordered.nulls_first() if self.key.nulls_first else ordered.nulls_last()

    def is_beyond(self, value: Column, position: Column | None) -> ColumnElement[bool]:
        if position is None:
            return value.is_not(None) if self.key.nulls_first else false()
        beyond = value < position if self.key.descending else value > position
        return or_(beyond, value.is_(None)) if self.is_nullable and not self.key.nulls_first else beyond

    def is_at(self, value: Column, position: Column | None) -> ColumnElement[bool]:
        return value.is_(None) if position is None else value == position


@dataclass(frozen=True, slots=True)
class Order:
    sorts: tuple[Sort, ...]
    about: str
    """What a cursor is bound to: the table and the keys."""

    @classmethod
    def parse(cls, table: Table, texts: Sequence[str], *, is_total: bool) -> Self:
        """Return the order that `texts` write; a total one is ended by the primary key.

        Raises:
            ValidationError: the table has no such column, or cannot be ordered by it.
        """
        if len(texts) > MAX_ORDER_KEYS:
            raise ValidationError(f"An order has at most {MAX_ORDER_KEYS} keys", field="order")
        sorts = [Sort.parse(table, text) for text in texts]
        if is_total:
            named = {sort.key.column for sort in sorts}
            sign = "-" if sorts and sorts[-1].key.descending else ""
            missing = (column.name for column in table.primary_key if column.name not in named)
            sorts += [Sort.parse(table, sign + name) for name in missing]
        return cls(tuple(sorts), repr((table.name, [sort.key for sort in sorts])))

    @property
    def shape(self) -> tuple[Hashable, ...]:
        return tuple(sort.shape for sort in self.sorts)

    @property
    def has_cursors(self) -> bool:
        """Whether a position in this order can be written down."""
        return not any(sort.guard.family in _NOT_IN_CURSORS for sort in self.sorts)

    def position(self, cursor: Sequence[Any]) -> list[Any]:
        """Return what a cursor says, as the driver takes it.

        Raises:
            ValidationError: it says what cannot stand in these columns.
        """
        try:
            return [_parameter(sort, value) for sort, value in zip(self.sorts, cursor, strict=True)]
        except (ValidationError, TypeError, ValueError, ArithmeticError):
            # One that we sealed ourselves, before the columns were changed.
            raise no_cursor() from None

    def after(self, values: Sequence[Column], position: Sequence[Column | None]) -> ColumnElement[bool]:
        """Return the condition of the rows that come after the one with this position."""
        directions = {sort.key.descending for sort in self.sorts}
        if len(directions) == 1 and not any(sort.is_nullable for sort in self.sorts):
            # One comparison of rows, which an index answers from there on.
            row, end = tuple_(*values), tuple_(*position)
            return row < end if directions.pop() else row > end
        steps: list[ColumnElement[bool]] = []
        before: list[ColumnElement[bool]] = []
        for sort, value, last in zip(self.sorts, values, position, strict=True):
            steps.append(and_(*before, sort.is_beyond(value, last)))
            before.append(sort.is_at(value, last))
        first = self.sorts[0]
        if first.is_nullable or position[0] is None:
            return or_(*steps)
        # Implied by the steps, and said for the index on the first column.
        bound = values[0] <= position[0] if first.key.descending else values[0] >= position[0]
        return and_(bound, or_(*steps))


def ordered_value(column: Column) -> Column:
    """Return what a column, or a place inside JSON, is ordered by: null inside JSON is no value, as NULL is."""
    if not isinstance(column.type, JSONB):
        return column
    return func.nullif(column, literal_column("'null'::jsonb", JSONB()), type_=JSONB())


def position_of(value: Column) -> Column:
    """Return what of an ordered value goes into a cursor: JSON as its text, or numbers in it would be rounded."""
    return value.cast(Text) if isinstance(value.type, JSONB) else value


def at_position(value: Column, parameter: Callable[[TypeEngine[Any]], Column]) -> Column:
    """Return the parameter that comes out of a cursor, to be compared with an ordered value."""
    is_json = isinstance(value.type, JSONB)
    return parameter(Text()).cast(JSONB) if is_json else parameter(unbounded(value.type))


def _parameter(sort: Sort, value: Any) -> Any:
    if value is None and sort.is_nullable:
        return None
    if sort.guard.family is Family.JSON:
        return _JSON_TEXT.one(value)
    convert = _FROM_CURSOR.get(sort.guard.family)
    return sort.guard.one(convert(value) if convert else value)
