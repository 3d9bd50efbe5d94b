"""What each lookup means in SQL.

A lookup is one function of a column and its bound parameters, registered for the families of
column types that it fits; what must happen to a value first is its `prepare`. `contains` means
one thing for a list and another for JSON, so the registry is keyed by family and name.

    @lookup("startswith", on=(Family.TEXT,), prepare=literal)
    def starts_with(column, value):
        return column.like(value + ANYTHING)

NULL matches `is_null` alone: every other expression is NULL where the column is. (The one
exception is PostgreSQL's: NULL is surely not `in` an empty list, so NOT of that is true.)
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Text,
    all_,
    and_,
    any_,
    extract,
    func,
    literal_column,
)
from sqlalchemy.types import TypeEngine

from src.app.application.common.filters import Family, Pattern, Takes

Expression = Callable[..., ColumnElement[bool]]
Prepare = Callable[[Any], Any]
Column = ColumnElement[Any]

ORDERED = (
    Family.TEXT,
    Family.INTEGER,
    Family.NUMBER,
    Family.FLOAT,
    Family.MOMENT,
    Family.DATE,
    Family.TIME,
    Family.DURATION,
    Family.UUID,
)
SCALARS = (*ORDERED, Family.BOOLEAN, Family.BYTES, Family.CHOICE)


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    name: str
    takes: Takes
    expression: Expression
    prepare: Prepare | None
    value_type: TypeEngine[Any] | None
    """The type of the value, where that is not the column's own."""


class PSQLLookupRegistry:
    """The lookups by family of column type and name."""

    def __init__(self) -> None:
        self._lookups: dict[tuple[Family, str], Lookup] = {}

    def register(
        self,
        *names: str,
        on: Iterable[Family],
        takes: Takes = Takes.ONE,
        prepare: Prepare | None = None,
        value_type: TypeEngine[Any] | None = None,
    ) -> Callable[[Expression], Expression]:
        """Register the decorated function under `names` for columns of the families `on`."""

        def add(expression: Expression) -> Expression:
            for family in on:
                for name in names:
                    self._lookups[family, name] = Lookup(name, takes, expression, prepare, value_type)
            return expression

        return add

    def find(self, family: Family, name: str) -> Lookup | None:
        return self._lookups.get((family, name))

    def names(self, family: Family | None = None) -> frozenset[str]:
        """Return the lookups that fit a family, or all there are."""
        return frozenset(name for of, name in self._lookups if family in (None, of))


LOOKUPS = PSQLLookupRegistry()
lookup = LOOKUPS.register


# Values of one type


@lookup("e", on=(*SCALARS, Family.LIST))
def equals(column: Column, value: Column) -> ColumnElement[bool]:
    return column == value


@lookup("ne", on=(*SCALARS, Family.LIST))
def differs(column: Column, value: Column) -> ColumnElement[bool]:
    return column != value


@lookup("gt", on=ORDERED)
def is_greater(column: Column, value: Column) -> ColumnElement[bool]:
    return column > value


@lookup("gte", on=ORDERED)
def is_not_less(column: Column, value: Column) -> ColumnElement[bool]:
    return column >= value


@lookup("lt", on=ORDERED)
def is_less(column: Column, value: Column) -> ColumnElement[bool]:
    return column < value


@lookup("lte", on=ORDERED)
def is_not_greater(column: Column, value: Column) -> ColumnElement[bool]:
    return column <= value


@lookup("between", on=ORDERED, takes=Takes.TWO)
def is_between(column: Column, low: Column, high: Column) -> ColumnElement[bool]:
    return and_(column >= low, column <= high)


@lookup("in", on=SCALARS, takes=Takes.MANY)
def is_one_of(column: Column, values: Column) -> ColumnElement[bool]:
    # One array parameter: a list of any length keeps the same statement.
    return column == any_(values)


@lookup("not_in", on=SCALARS, takes=Takes.MANY)
def is_none_of(column: Column, values: Column) -> ColumnElement[bool]:
    # Everything differs from all of no values, NULL too: left out here, as it is with some values.
    return and_(column != all_(values), column == column)  # noqa: PLR0124


@lookup("is_null", on=tuple(Family), takes=Takes.WHETHER)
def is_null(column: Column, whether: bool) -> ColumnElement[bool]:
    return column.is_(None) if whether else column.is_not(None)


# Text, and the text inside JSON: callers write `email__like: "test"` and mean "contains"; a `%`
# in it is a `%`.

ANYTHING = "%"
SIMPLE: ColumnElement[str] = literal_column("'simple'::regconfig")


def literal(text: str) -> str:
    r"""Take the meaning out of `%` and `_`, and out of the `\` that would give it back."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def containing(text: str) -> str:
    return text if isinstance(text, Pattern) else ANYTHING + literal(text) + ANYTHING


def beginning(text: str) -> str:
    return literal(text) + ANYTHING


def ending(text: str) -> str:
    return ANYTHING + literal(text)


def text_lookup(name: str, *, prepare: Prepare | None = None) -> Callable[[Expression], Expression]:
    """Register a lookup of text columns, and of JSON under the same name and as `jsonb_…`."""

    def add(expression: Expression) -> Expression:
        def of_json(node: Column, value: Column) -> ColumnElement[bool]:
            return expression(_text_of(node), value)

        lookup(name, f"jsonb_{name}", on=(Family.JSON,), prepare=prepare, value_type=Text())(of_json)
        return lookup(name, on=(Family.TEXT,), prepare=prepare)(expression)

    return add


@text_lookup("like", prepare=containing)
def contains_text(column: Column, value: Column) -> ColumnElement[bool]:
    return column.like(value)


@text_lookup("not_like", prepare=containing)
def lacks_text(column: Column, value: Column) -> ColumnElement[bool]:
    return column.not_like(value)


@text_lookup("ilike", prepare=containing)
def contains_text_in_any_case(column: Column, value: Column) -> ColumnElement[bool]:
    return column.ilike(value)


@text_lookup("not_ilike", prepare=containing)
def lacks_text_in_any_case(column: Column, value: Column) -> ColumnElement[bool]:
    return column.not_ilike(value)


@text_lookup("startswith", prepare=beginning)
def starts_with(column: Column, value: Column) -> ColumnElement[bool]:
    return column.like(value)


@text_lookup("istartswith", prepare=beginning)
def starts_with_in_any_case(column: Column, value: Column) -> ColumnElement[bool]:
    return column.ilike(value)


@text_lookup("endswith", prepare=ending)
def ends_with(column: Column, value: Column) -> ColumnElement[bool]:
    return column.like(value)


@text_lookup("iendswith", prepare=ending)
def ends_with_in_any_case(column: Column, value: Column) -> ColumnElement[bool]:
    return column.ilike(value)


@text_lookup("iexact")
def equals_in_any_case(column: Column, value: Column) -> ColumnElement[bool]:
    return func.lower(column) == func.lower(value)


@lookup("search", on=(Family.TEXT,))
def has_words(column: Column, words: Column) -> ColumnElement[bool]:
    # Words as they are written: stemming asks for a language, and for a tsvector column of its own.
    return func.to_tsvector(SIMPLE, column).bool_op("@@")(func.websearch_to_tsquery(SIMPLE, words))


@lookup("search", on=(Family.DOCUMENT,), value_type=Text())
def matches_words(document: Column, words: Column) -> ColumnElement[bool]:
    return document.bool_op("@@")(func.websearch_to_tsquery(SIMPLE, words))


# Parts of a date, in UTC: which day a moment falls on depends on where one stands


@lookup("date", on=(Family.MOMENT,), value_type=Date())
def is_on_day(column: Column, value: Column) -> ColumnElement[bool]:
    return _in_utc(column).cast(Date) == value


@lookup("year", on=(Family.MOMENT, Family.DATE), value_type=Integer())
def is_in_year(column: Column, value: Column) -> ColumnElement[bool]:
    return extract("year", _in_utc(column)) == value


@lookup("month", on=(Family.MOMENT, Family.DATE), value_type=Integer())
def is_in_month(column: Column, value: Column) -> ColumnElement[bool]:
    return extract("month", _in_utc(column)) == value


@lookup("day", on=(Family.MOMENT, Family.DATE), value_type=Integer())
def is_on_day_of_month(column: Column, value: Column) -> ColumnElement[bool]:
    return extract("day", _in_utc(column)) == value


# JSON: `node` is the column, or what its path leads to, and NULL where that leads nowhere. Numbers
# compare as numbers, and what is of another type is neither more nor less.


def orderable(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise ValueError("neither a number nor text")
    return value


@lookup("e", "jsonb_e", on=(Family.JSON,))
def json_equals(node: Column, value: Column) -> ColumnElement[bool]:
    return node == value


@lookup("ne", "jsonb_ne", on=(Family.JSON,))
def json_differs(node: Column, value: Column) -> ColumnElement[bool]:
    return node != value


@lookup("gt", "jsonb_gt", on=(Family.JSON,), prepare=orderable)
def json_is_greater(node: Column, value: Column) -> ColumnElement[bool]:
    return and_(_same_type(node, value), node > value)


@lookup("gte", "jsonb_gte", on=(Family.JSON,), prepare=orderable)
def json_is_not_less(node: Column, value: Column) -> ColumnElement[bool]:
    return and_(_same_type(node, value), node >= value)


@lookup("lt", "jsonb_lt", on=(Family.JSON,), prepare=orderable)
def json_is_less(node: Column, value: Column) -> ColumnElement[bool]:
    return and_(_same_type(node, value), node < value)


@lookup("lte", "jsonb_lte", on=(Family.JSON,), prepare=orderable)
def json_is_not_greater(node: Column, value: Column) -> ColumnElement[bool]:
    return and_(_same_type(node, value), node <= value)


@lookup("between", "jsonb_between", on=(Family.JSON,), takes=Takes.TWO, prepare=orderable)
def json_is_between(node: Column, low: Column, high: Column) -> ColumnElement[bool]:
    return and_(json_is_not_less(node, low), json_is_not_greater(node, high))


@lookup("in", "jsonb_in", on=(Family.JSON,), takes=Takes.MANY)
def json_is_one_of(node: Column, values: Column) -> ColumnElement[bool]:
    return node == any_(values)


@lookup("not_in", "jsonb_not_in", on=(Family.JSON,), takes=Takes.MANY)
def json_is_none_of(node: Column, values: Column) -> ColumnElement[bool]:
    return and_(node != all_(values), node == node)  # noqa: PLR0124


@lookup("has_key", on=(Family.JSON,), value_type=Text())
def json_has_key(node: Column, key: Column) -> ColumnElement[bool]:
    return node.bool_op("?")(key)


@lookup("has_any_keys", on=(Family.JSON,), takes=Takes.MANY, value_type=Text())
def json_has_any_keys(node: Column, keys: Column) -> ColumnElement[bool]:
    return node.bool_op("?|")(keys)


@lookup("has_all_keys", on=(Family.JSON,), takes=Takes.MANY, value_type=Text())
def json_has_all_keys(node: Column, keys: Column) -> ColumnElement[bool]:
    return node.bool_op("?&")(keys)


# JSON and lists


@lookup("contains", on=(Family.JSON, Family.LIST))
def contains(column: Column, value: Column) -> ColumnElement[bool]:
    return column.bool_op("@>")(value)


@lookup("contained_by", on=(Family.JSON, Family.LIST))
def is_contained(column: Column, value: Column) -> ColumnElement[bool]:
    return column.bool_op("<@")(value)


@lookup("overlap", on=(Family.LIST,))
def overlaps(column: Column, value: Column) -> ColumnElement[bool]:
    return column.bool_op("&&")(value)


def _in_utc(column: Column) -> Column:
    is_moment = isinstance(column.type, DateTime)
    return func.timezone(literal_column("'UTC'"), column) if is_moment else column


def _same_type(node: Column, value: Column) -> ColumnElement[bool]:
    return func.jsonb_typeof(node) == func.jsonb_typeof(value)


def _text_of(node: Column) -> ColumnElement[str]:
    return node.op("#>>")(literal_column("'{}'::text[]")).cast(Text)
