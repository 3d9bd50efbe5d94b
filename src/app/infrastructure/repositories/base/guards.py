"""What a value must be before it may become a parameter: each guard returns it, or says what is allowed."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count as counter
from math import isfinite
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Float,
    Integer,
    Interval,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    Text,
    Time,
    Uuid,
)
from sqlalchemy import Enum as Choice
from sqlalchemy.dialects.postgresql import INTERVAL, JSONB, TSVECTOR
from sqlalchemy.types import TypeEngine

from src.app.application.common.filters import Family
from src.app.application.common.text import is_storable, parsed_uuid
from src.app.domain.common.exceptions import ValidationError
from src.app.infrastructure.extensions.psql_ext.json import NULL, json_parameter

MAX_LIST_LENGTH = 1000
MAX_TEXT_LENGTH = 10_000
MAX_JSON_DEPTH = 20
MAX_JSON_NODES = 1000
MAX_DIGITS = 1000

FIRST_MOMENT, LAST_MOMENT = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

_TAKES: dict[Family, str] = {
    Family.TEXT: f"text of at most {MAX_TEXT_LENGTH} characters, without NUL",
    Family.JSON: f"JSON, at most {MAX_JSON_DEPTH} deep and of {MAX_JSON_NODES} values, with finite numbers",
    Family.TIME: "a time of day without a time zone",
}

_FAMILIES: tuple[tuple[type[TypeEngine[Any]], Family], ...] = (
    (Uuid, Family.UUID),
    (Choice, Family.CHOICE),
    (String, Family.TEXT),
    (Boolean, Family.BOOLEAN),
    (Integer, Family.INTEGER),
    (Numeric, Family.NUMBER),
    (Float, Family.FLOAT),
    (DateTime, Family.MOMENT),
    (Date, Family.DATE),
    (Time, Family.TIME),
    (Interval, Family.DURATION),
    (INTERVAL, Family.DURATION),
    (LargeBinary, Family.BYTES),
    (JSONB, Family.JSON),
    (ARRAY, Family.LIST),
    (TSVECTOR, Family.DOCUMENT),
)


def family_of(type_: TypeEngine[Any]) -> Family:
    return next((family for kind, family in _FAMILIES if isinstance(type_, kind)), Family.OTHER)


def unbounded(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the type without a length or a precision: a cast to these would cut what is compared."""
    match type_:
        case ARRAY():
            return ARRAY(unbounded(type_.item_type))
        case String() if not isinstance(type_, Choice):
            return Text()
        case Numeric():
            return Numeric()
        case _:
            return type_


class SecurityValidator:
    """Checks what a column called `name` is compared with, or set to, against its type."""

    def __init__(self, name: str, type_: TypeEngine[Any]) -> None:
        self._name = name
        self.family = family_of(type_)
        self.check: Callable[[Any], Any] = _CHECKS.get(self.family, _nothing)
        """Returns a value as the driver takes it, or raises a TypeError, ValueError or ArithmeticError."""
        self.takes = _TAKES.get(self.family, self.family.value)
        """What a value has to be, in words."""
        match type_:
            case Choice():
                self.check, self.takes = _one_of(type_.enums), f"one of {', '.join(type_.enums)}"
            case DateTime() if not type_.timezone:
                self.check, self.takes = _naive_moment, "a date and time without a time zone"
            case Integer():
                bits = 64 if isinstance(type_, BigInteger) else 16 if isinstance(type_, SmallInteger) else 32
                self.check, self.takes = _integer_of(bits), f"a whole number of {bits} bits"
            case ARRAY():
                self.check = SecurityValidator(name, type_.item_type).many

    def one(self, value: Any) -> Any:
        """Return the value as the driver takes it.

        Raises:
            ValidationError: it is not of the column's type, or does not fit into it.
        """
        if value is None and self.family is not Family.JSON:
            raise self._refused(f"{self._name} is compared with NULL by {self._name}__is_null")
        return self._checked(self.check, value)

    def many(self, values: Any) -> list[Any]:
        if not isinstance(values, (list, tuple, set, frozenset)):
            raise self._refused(f"{self._name} takes a list here")
        if len(values) > MAX_LIST_LENGTH:
            raise self._refused(f"{self._name} takes at most {MAX_LIST_LENGTH} values, not {len(values)}")
        if self.family is Family.JSON:
            checked: list[Any] = self._checked(_jsons, list(values))
            return checked
        return [self.one(value) for value in values]

    def two(self, values: Any) -> list[Any]:
        if not isinstance(values, (list, tuple)) or len(values) != 2:
            raise self._refused(f"{self._name} takes two values here, the lower and the upper bound")
        return [self.one(value) for value in values]

    def whether(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self._refused(f"{self._name} takes true or false here")
        return value

    def prepared(self, prepare: Callable[[Any], Any], value: Any) -> Any:
        """Return what a lookup makes of a checked value.

        Raises:
            ValidationError: the lookup cannot take it.
        """
        try:
            return prepare(value)
        except ValueError as error:
            raise self._refused(f"{self._name} does not take this here: it is {error}") from None

    def _checked(self, check: Callable[[Any], Any], value: Any) -> Any:
        try:
            return check(value)
        except (TypeError, ValueError, AttributeError, ArithmeticError):
            raise self._refused(f"{self._name} takes {self.takes}") from None

    def _refused(self, message: str) -> ValidationError:
        return ValidationError(message, field=self._name)


def _nothing(_value: Any) -> Any:
    raise TypeError("of no family of lookups")


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT_LENGTH or not is_storable(value):
        raise ValueError("not text that can be stored")
    return value


def _one_of(choices: list[str]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not isinstance(value, str) or value not in choices:
            raise ValueError("not one of the choices")
        return value

    return check


def _of_type(*types: type) -> Callable[[Any], Any]:
    """Return a check that takes values of exactly these types: a bool is no number here."""

    def check(value: Any) -> Any:
        if type(value) not in types:
            raise TypeError("not of this type")
        return value

    return check


def _integer_of(bits: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if type(value) is not int or not -(1 << bits - 1) <= value < 1 << bits - 1:
            raise ValueError("not a whole number that fits")
        return value

    return check


def _number(value: Any) -> Decimal:
    # To make a decimal of a whole number takes the square of its length: half a minute for a megabyte.
    if type(value) is int and value.bit_length() > 4 * MAX_DIGITS:
        raise ValueError("more digits than a number needs")
    if type(value) not in {int, Decimal} or not (number := Decimal(value)).is_finite():
        raise ValueError("not a finite number")
    if abs(number.adjusted()) >= MAX_DIGITS or len(number.as_tuple().digits) > MAX_DIGITS:
        raise ValueError("more digits than a number needs")
    return number


def _float(value: Any) -> float:
    if type(value) not in {int, float, Decimal} or not isfinite(number := float(value)):
        raise ValueError("not a finite number")
    return number


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else parsed_uuid(value)


def _moment(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    if moment.utcoffset() is None:
        raise ValueError("without a time zone")
    if not FIRST_MOMENT <= moment <= LAST_MOMENT:
        raise ValueError("out of range in UTC")
    return moment


def _naive_moment(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    if moment.tzinfo is not None:
        raise ValueError("with a time zone")
    return moment


def _date(value: Any) -> date:
    return value if type(value) is date else date.fromisoformat(value)


def _time(value: Any) -> time:
    # The driver would leave the zone out.
    if type(value) is not time or value.tzinfo is not None:
        raise TypeError("not a time without a time zone")
    return value


def _json(value: Any) -> Any:
    _look_through(value, 0, counter(1), MAX_JSON_NODES)
    return _json_parameter(value)


def _jsons(values: list[Any]) -> list[Any]:
    # Together they may be as much as one: to look through a thousand large ones takes a second.
    nodes = counter(1)
    for value in values:
        _look_through(value, 0, nodes, MAX_JSON_NODES + len(values))
    return [_json_parameter(value) for value in values]


def _json_parameter(value: Any) -> Any:
    return NULL if value is None else json_parameter(value)


def _look_through(node: Any, depth: int, nodes: Iterator[int], most: int) -> None:
    if depth > MAX_JSON_DEPTH or next(nodes) > most:
        raise ValueError("too deep or too much")
    match node:
        case dict():
            for key, child in node.items():
                _text(key)
                _look_through(child, depth + 1, nodes, most)
        case list():
            for child in node:
                _look_through(child, depth + 1, nodes, most)
        case str():
            _text(node)
        case bool() | None:
            pass
        case int():
            if not -(2**63) <= node < 2**64:
                raise ValueError("more than 64 bits")
        case float() | Decimal():
            _float(node)
        case _:
            raise TypeError("not JSON")


_CHECKS: dict[Family, Callable[[Any], Any]] = {
    Family.TEXT: _text,
    Family.NUMBER: _number,
    Family.FLOAT: _float,
    Family.BOOLEAN: _of_type(bool),
    Family.UUID: _uuid,
    Family.MOMENT: _moment,
    Family.DATE: _date,
    Family.TIME: _time,
    Family.DURATION: _of_type(timedelta),
    Family.BYTES: _of_type(bytes),
    Family.JSON: _json,
}
