"""What a value must be before it may become a parameter: each guard returns it, or says what is allowed."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    Uuid,
)
from sqlalchemy.types import JSON, TypeEngine

from src.app.application.common.text import is_storable
from src.app.domain.common.exceptions import ValidationError
from src.app.infrastructure.repositories.base.lookups import Family

MAX_LIST_LENGTH = 1000
MAX_TEXT_LENGTH = 10_000
MAX_JSON_DEPTH = 20

_FAMILIES: tuple[tuple[type[TypeEngine[Any]], Family], ...] = (
    (Uuid, Family.UUID),
    (String, Family.TEXT),
    (Boolean, Family.BOOLEAN),
    (Integer, Family.INTEGER),
    (Numeric, Family.NUMBER),
    (DateTime, Family.MOMENT),
    (Date, Family.DATE),
    (LargeBinary, Family.BYTES),
    (JSON, Family.JSON),
)


def family_of(type_: TypeEngine[Any]) -> Family:
    for kind, family in _FAMILIES:
        if isinstance(type_, kind):
            return family
    raise TypeError(f"No family of lookups for columns of type {type_!r}")


class SecurityValidator:
    """Checks what a column called `name` is compared with against a type."""

    def __init__(self, name: str, type_: TypeEngine[Any]) -> None:
        self._name = name
        self.family = family_of(type_)
        self._check: Callable[[Any], Any] = _CHECKS[self.family]
        self._bits = 64 if isinstance(type_, BigInteger) else 16 if isinstance(type_, SmallInteger) else 32

    def one(self, value: Any) -> Any:
        """Return the value as the driver takes it.

        Raises:
            ValidationError: it is not of the column's type, or does not fit into it.
        """
        try:
            checked = self._check(value)
        except (TypeError, ValueError, InvalidOperation, OverflowError):
            raise self._refused(f"{self._name} takes {self.family.value}") from None
        if self.family is Family.INTEGER and checked.bit_length() >= self._bits:
            raise self._refused(f"{self._name} takes whole numbers of {self._bits} bits")
        return checked

    def many(self, values: Any) -> list[Any]:
        if not isinstance(values, (list, tuple, set, frozenset)):
            raise self._refused(f"{self._name} takes a list here")
        if len(values) > MAX_LIST_LENGTH:
            raise self._refused(f"{self._name} takes at most {MAX_LIST_LENGTH} values, not {len(values)}")
        return [self.one(value) for value in values]

    def two(self, values: Any) -> list[Any]:
        if not isinstance(values, (list, tuple)) or len(values) != 2:
            raise self._refused(f"{self._name} takes two values here, the lower and the upper bound")
        return [self.one(value) for value in values]

    def whether(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self._refused(f"{self._name} takes true or false here")
        return value

    def _refused(self, message: str) -> ValidationError:
        return ValidationError(message, field=self._name)


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT_LENGTH or not is_storable(value):
        raise ValueError("not text that can be stored")
    return value


def _of_type(*types: type) -> Callable[[Any], Any]:
    """Return a check that takes values of exactly these types: a bool is no number here."""

    def check(value: Any) -> Any:
        if type(value) not in types:
            raise TypeError("not of this type")
        return value

    return check


def _number(value: Any) -> Decimal:
    if type(value) not in (int, Decimal) or not (number := Decimal(value)).is_finite():
        raise ValueError("not a finite number")
    return number


def _uuid(value: Any) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


def _moment(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("without a time zone")
    return moment


def _date(value: Any) -> date:
    return value if type(value) is date else date.fromisoformat(value)


def _json(value: Any, depth: int = 0) -> Any:
    if depth > MAX_JSON_DEPTH:
        raise ValueError("nested too deep")
    match value:
        case dict():
            for key, child in value.items():
                _json(_text(key), depth)
                _json(child, depth + 1)
        case list():
            for child in value:
                _json(child, depth + 1)
        case str():
            _text(value)
        case float():
            _number(Decimal(value))
        case None | int() | Decimal():
            pass
        case _:
            raise TypeError("not JSON")
    return value


_CHECKS: dict[Family, Callable[[Any], Any]] = {
    Family.TEXT: _text,
    Family.INTEGER: _of_type(int),
    Family.NUMBER: _number,
    Family.BOOLEAN: _of_type(bool),
    Family.UUID: _uuid,
    Family.MOMENT: _moment,
    Family.DATE: _date,
    Family.BYTES: _of_type(bytes),
    Family.JSON: _json,
}
