"""What each lookup means in SQL.

A lookup is one function of a column and its bound parameters, registered for the families of
column types that it fits; what must happen to a value first is its `prepare`. `contains` means
one thing for text and another for JSONB, so the registry is keyed by family and name.

    @lookup("ilike", on=TEXT, prepare=contained)
    def contains_text(column, value): ...
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Text,
    and_,
    any_,
    extract,
    func,
    literal_column,
    not_,
)
from sqlalchemy.types import TypeEngine


class Family(StrEnum):
    """Column types that are compared alike; the value is what a message to the caller names."""

    TEXT = "text"
    INTEGER = "a whole number"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    UUID = "a UUID"
    MOMENT = "a date and time with its time zone"
    DATE = "a date"
    BYTES = "bytes"
    JSON = "JSON"


class Takes(StrEnum):
    """What a lookup is given: one value, a list of them, two bounds, or whether."""

    ONE = "one"
    MANY = "many"
    TWO = "two"
    WHETHER = "whether"


Expression = Callable[..., ColumnElement[bool]]
SCALARS = tuple(family for family in Family if family is not Family.JSON)
ORDERED = (Family.TEXT, Family.INTEGER, Family.NUMBER, Family.MOMENT, Family.DATE, Family.UUID)


@dataclass(frozen=True, slots=True)
class Lookup:
    name: str
    takes: Takes
    expression: Expression
    prepare: Callable[[Any], Any] | None
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
        prepare: Callable[[Any], Any] | None = None,
        value_type: TypeEngine[Any] | None = None,
    ) -> Callable[[Expression], Expression]:
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


ANYTHING: ColumnElement[str] = literal_column("'%'", Text())

LOOKUPS = PSQLLookupRegistry()
lookup = LOOKUPS.register


def literal(text: str) -> str:
    r"""Take the meaning out of `%` and `_`, and out of the `\` that would give it back."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


@lookup("e", on=SCALARS)
def equals(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return column == value


@lookup("ne", on=SCALARS)
def differs(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return column != value


@lookup("gt", on=ORDERED)
def greater(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return column > value


@lookup("gte", on=ORDERED)
def greater_or_equal(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return column >= value


@lookup("lt", on=ORDERED)
def less(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return column < value


@lookup("lte", on=ORDERED)
def less_or_equal(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return column <= value


@lookup("between", on=ORDERED, takes=Takes.TWO)
def between(column: ColumnElement[Any], low: ColumnElement[Any], high: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(column >= low, column <= high)


@lookup("in", on=SCALARS, takes=Takes.MANY)
def is_one_of(column: ColumnElement[Any], values: ColumnElement[Any]) -> ColumnElement[bool]:
    # One array parameter: a list of any length keeps the same statement.
    return column == any_(values)


@lookup("not_in", on=SCALARS, takes=Takes.MANY)
def is_none_of(column: ColumnElement[Any], values: ColumnElement[Any]) -> ColumnElement[bool]:
    return not_(column == any_(values))


@lookup("is_null", on=tuple(Family), takes=Takes.WHETHER)
def is_null(column: ColumnElement[Any], whether: bool) -> ColumnElement[bool]:
    return column.is_(None) if whether else column.is_not(None)


@lookup("like", on=(Family.TEXT,), prepare=literal)
def contains_text(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    # Callers write `email__like: "test"` and mean "contains"; a `%` in it is a `%`.
    return column.like(ANYTHING + value + ANYTHING)


@lookup("not_like", on=(Family.TEXT,), prepare=literal)
def lacks_text(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return column.not_like(ANYTHING + value + ANYTHING)


@lookup("ilike", on=(Family.TEXT,), prepare=literal)
def contains_text_in_any_case(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return column.ilike(ANYTHING + value + ANYTHING)


@lookup("not_ilike", on=(Family.TEXT,), prepare=literal)
def lacks_text_in_any_case(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return column.not_ilike(ANYTHING + value + ANYTHING)


@lookup("startswith", on=(Family.TEXT,), prepare=literal)
def starts_with(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return column.like(value + ANYTHING)


@lookup("endswith", on=(Family.TEXT,), prepare=literal)
def ends_with(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return column.like(ANYTHING + value)


@lookup("iexact", on=(Family.TEXT,))
def equals_in_any_case(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return func.lower(column) == func.lower(value)


@lookup("istartswith", on=(Family.TEXT,), prepare=literal)
def starts_with_in_any_case(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return column.ilike(value + ANYTHING)


@lookup("iendswith", on=(Family.TEXT,), prepare=literal)
def ends_with_in_any_case(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return column.ilike(ANYTHING + value)


@lookup("date", on=(Family.MOMENT,), value_type=Date())
def is_on_day(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return _in_utc(column).cast(Date) == value


@lookup("year", on=(Family.MOMENT, Family.DATE), value_type=Integer())
def is_in_year(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return extract("year", _in_utc(column)) == value


@lookup("month", on=(Family.MOMENT, Family.DATE), value_type=Integer())
def is_in_month(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return extract("month", _in_utc(column)) == value


@lookup("day", on=(Family.MOMENT, Family.DATE), value_type=Integer())
def is_on_day_of_month(column: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return extract("day", _in_utc(column)) == value


# JSON: `node` is the column, or what its path leads to. Numbers compare as numbers, and what is of
# another type is neither more nor less.


@lookup("e", "jsonb_e", on=(Family.JSON,))
def json_equals(node: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return node == value


@lookup("ne", "jsonb_ne", on=(Family.JSON,))
def json_differs(node: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return node != value


@lookup("gt", "jsonb_gt", on=(Family.JSON,))
def json_greater(node: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(_same_type(node, value), node > value)


@lookup("gte", "jsonb_gte", on=(Family.JSON,))
def json_greater_or_equal(node: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(_same_type(node, value), node >= value)


@lookup("lt", "jsonb_lt", on=(Family.JSON,))
def json_less(node: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(_same_type(node, value), node < value)


@lookup("lte", "jsonb_lte", on=(Family.JSON,))
def json_less_or_equal(node: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(_same_type(node, value), node <= value)


@lookup("in", "jsonb_in", on=(Family.JSON,), takes=Takes.MANY)
def json_is_one_of(node: ColumnElement[Any], values: ColumnElement[Any]) -> ColumnElement[bool]:
    return node == any_(values)


@lookup("not_in", "jsonb_not_in", on=(Family.JSON,), takes=Takes.MANY)
def json_is_none_of(node: ColumnElement[Any], values: ColumnElement[Any]) -> ColumnElement[bool]:
    return not_(node == any_(values))


@lookup("like", "jsonb_like", on=(Family.JSON,), prepare=literal, value_type=Text())
def json_contains_text(node: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return _text_of(node).like(ANYTHING + value + ANYTHING)


@lookup("not_like", "jsonb_not_like", on=(Family.JSON,), prepare=literal, value_type=Text())
def json_lacks_text(node: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return _text_of(node).not_like(ANYTHING + value + ANYTHING)


@lookup("ilike", "jsonb_ilike", on=(Family.JSON,), prepare=literal, value_type=Text())
def json_contains_text_in_any_case(node: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return _text_of(node).ilike(ANYTHING + value + ANYTHING)


@lookup("has_key", on=(Family.JSON,), value_type=Text())
def json_has_key(node: ColumnElement[Any], key: ColumnElement[Any]) -> ColumnElement[bool]:
    return func.jsonb_exists(node, key)


@lookup("has_any_keys", on=(Family.JSON,), takes=Takes.MANY, value_type=Text())
def json_has_any_keys(node: ColumnElement[Any], keys: ColumnElement[Any]) -> ColumnElement[bool]:
    return func.jsonb_exists_any(node, keys)


@lookup("has_all_keys", on=(Family.JSON,), takes=Takes.MANY, value_type=Text())
def json_has_all_keys(node: ColumnElement[Any], keys: ColumnElement[Any]) -> ColumnElement[bool]:
    return func.jsonb_exists_all(node, keys)


@lookup("contains", on=(Family.JSON,))
def json_contains(node: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return node.op("@>", is_comparison=True)(value)


@lookup("contained_by", on=(Family.JSON,))
def json_is_contained(node: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return node.op("<@", is_comparison=True)(value)


def _in_utc(column: ColumnElement[Any]) -> ColumnElement[Any]:
    # Which day a moment falls on depends on where one stands; here everybody stands at Greenwich.
    is_moment = isinstance(column.type, DateTime)
    return func.timezone(literal_column("'UTC'"), column) if is_moment else column


def _same_type(node: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    return func.jsonb_typeof(node) == func.jsonb_typeof(value)


def _text_of(node: ColumnElement[Any]) -> ColumnElement[str]:
    return node.op("#>>")(literal_column("'{}'::text[]")).cast(Text)
