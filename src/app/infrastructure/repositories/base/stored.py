"""What the columns of a write take.

The driver takes some values for others: 3.7 for 3, a moment for its day, a day for its midnight on
this machine, a list among the values of many rows for more rows. So each value's type is looked at
before. What the driver and the database refuse by themselves is explained afterwards: to look at
all of each value would cost what writing it does.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from math import isfinite
from sys import getsizeof
from types import NoneType
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, String, Table
from sqlalchemy import Enum as Choice
from sqlalchemy.types import TypeEngine

from src.app.application.common.filters import Family, unknown
from src.app.application.common.text import is_storable
from src.app.domain.common.exceptions import ValidationError
from src.app.infrastructure.extensions.psql_ext.json import json_text
from src.app.infrastructure.repositories.base.columns import visible
from src.app.infrastructure.repositories.base.guards import FIRST_MOMENT, LAST_MOMENT, SecurityValidator

_TYPES: dict[Family, tuple[type, ...]] = {
    Family.TEXT: (str,),
    Family.CHOICE: (str,),
    Family.INTEGER: (int,),
    Family.NUMBER: (int, Decimal),
    Family.FLOAT: (int, float, Decimal),
    Family.BOOLEAN: (bool,),
    Family.UUID: (UUID, str),
    Family.MOMENT: (datetime,),
    Family.DATE: (date,),
    Family.TIME: (time,),
    Family.DURATION: (timedelta,),
    Family.BYTES: (bytes, bytearray, memoryview),
    Family.LIST: (list, tuple),
}
# A decimal of less than a hundred digits, and of so many bytes: nobody needs to count them.
_SHORT, _SMALL = 100, 150

_NOT_TYPES: dict[Family, tuple[type, ...]] = {
    Family.INTEGER: (bool,),
    Family.NUMBER: (bool,),
    Family.FLOAT: (bool,),
    Family.DATE: (datetime,),
}


class StoredColumns:
    """The columns that a write names, in their order.

    Raises:
        ValidationError: there is no such column, or only the database writes it.
    """

    def __init__(self, table: Table, names: Sequence[str]) -> None:
        for name in names:
            if not isinstance(name, str) or name not in table.c:
                raise unknown("column", name, visible(table))
            column = table.c[name]
            if column.computed is not None or (column.identity is not None and column.identity.always):
                raise ValidationError(f"{name} is made by the database and is not written", field=name)
        self._columns = [_Column(name, table.c[name].type) for name in names]
        self._checks = [(place, column.check) for place, column in enumerate(self._columns) if column.check]

    def check_row(self, values: Sequence[Any]) -> None:
        """Refuse a row with a value that would be taken for another."""
        for column, value in zip(self._columns, values, strict=True):
            type_ = type(value)
            if type_ not in column.known:
                column.check_type(type_)
                column.known.add(type_)
        for place, check in self._checks:
            value = values[place]
            if value is not None:
                try:
                    check(value)
                except (TypeError, ValueError, ArithmeticError):
                    raise self._columns[place].refused() from None

    def refusal(self, values: Iterable[Any]) -> ValidationError | None:
        """Return what is wrong with the first value that does not fit, looking at all of each."""
        refusals = (column.refusal(value) for column, value in zip(self._columns, values, strict=True))
        return next(filter(None, refusals), None)

    def check_arrays(self, arrays: Iterable[Sequence[Any]]) -> None:
        """Refuse rows, given as an array for each column, with a value that would be taken for another."""
        for column, values in zip(self._columns, arrays, strict=True):
            column.check_all(values)


stored_columns = lru_cache(1000)(StoredColumns)


def row_of(data: object) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise ValidationError("A row is a mapping of columns to values")
    return dict(data)


def rows_of(items: object) -> Iterable[Any]:
    if isinstance(items, (Mapping, str, bytes)) or not isinstance(items, Iterable):
        raise ValidationError("Rows are a list of mappings of columns to values")
    return items


def unfit(table: Table, rows: Iterable[Mapping[str, Any]]) -> ValidationError | None:
    """Return what is wrong with the first value that does not fit into its column."""
    refusals = (stored_columns(table, tuple(row)).refusal(row.values()) for row in rows)
    return next(filter(None, refusals), None)


def taken_by(table: Table, name: str) -> str:
    """Return what a column takes, in words."""
    return _Column(name, table.c[name].type).takes


class _Column:
    def __init__(self, name: str, type_: TypeEngine[Any]) -> None:
        self._name = name
        self._guard = SecurityValidator(name, type_)
        self._family = self._guard.family
        self._length = type_.length if isinstance(type_, String) and not isinstance(type_, Choice) else None
        self._element = _Column(name, type_.item_type) if isinstance(type_, ARRAY) else None
        self.known: set[type] = set()
        """The types that were found to be right; few, for they are those of one column."""
        self.check: Callable[[Any], Any] | None = None
        """Raises where a value of the right type would be taken for another."""
        match self._family:
            case Family.NUMBER | Family.FLOAT | Family.TIME:
                self.check = self._guard.check
            case Family.MOMENT if isinstance(type_, DateTime) and type_.timezone:
                self.check = _within_time
            case Family.LIST if self._element is not None:
                self.check = self._element.check_all

    @property
    def takes(self) -> str:
        match self._family:
            case Family.TEXT if self._length:
                return f"text of at most {self._length} characters, without NUL"
            case Family.TEXT:
                return "text without NUL"
            case Family.JSON:
                return "JSON, with finite numbers of 64 bits and text without NUL"
            case Family.LIST if self._element:
                return f"a list; in it {self._element.takes}"
            case _:
                return self._guard.takes

    def check_type(self, type_: type) -> None:
        known = _TYPES.get(self._family)
        if known is None or type_ is NoneType:
            return
        if not issubclass(type_, known) or issubclass(type_, _NOT_TYPES.get(self._family, ())):
            raise self.refused()

    def check_all(self, values: Sequence[Any]) -> None:
        types = set(map(type, values))
        for type_ in types:
            self.check_type(type_)
        if self.check is None:
            return
        present = values if NoneType not in types else [value for value in values if value is not None]
        try:
            if present and not self._are_plainly_fine(present, types - {NoneType}):
                for value in present:
                    self.check(value)
        except (TypeError, ValueError, ArithmeticError):
            raise self.refused() from None

    def _are_plainly_fine(self, values: Sequence[Any], types: set[type]) -> bool:
        """Tell so, for values of one usual type, at a tenth of the cost of looking at each."""
        if types == {Decimal}:
            exponents = list(map(Decimal.adjusted, values))
            is_short = (
                max(exponents) < _SHORT and min(exponents) > -_SHORT and max(map(getsizeof, values)) < _SMALL
            )
            return is_short and all(map(Decimal.is_finite, values))
        if types == {float}:
            return all(map(isfinite, values))
        return types == {datetime} and self.check is _within_time and _is_within_time(min(values), max(values))

    def refusal(self, value: Any) -> ValidationError | None:
        try:
            self.look_through(value)
        except ValidationError as refusal:
            return refusal
        except (TypeError, ValueError, RecursionError):
            return self.refused()
        return None

    def look_through(self, value: Any) -> None:
        self.check_type(type(value))
        match self._family:
            case _ if value is None:
                return
            case Family.TEXT:
                if self._length and len(value) > self._length:
                    message = f"{self._name} takes at most {self._length} characters"
                    raise ValidationError(message, field=self._name)
                if not is_storable(value):
                    raise self.refused()
            case Family.JSON:
                # In JSON a backslash is written twice, and a NUL behind one.
                if b"\\u0000" in json_text(value).replace(rb"\\", b""):
                    raise self.refused()
            case Family.LIST if self._element is not None:
                for element in value:
                    self._element.look_through(element)
            case Family.DOCUMENT | Family.OTHER:
                return
            case _:
                self._guard.one(value)

    def refused(self) -> ValidationError:
        return ValidationError(f"{self._name} takes {self.takes}", field=self._name)


def _within_time(moment: datetime) -> None:
    if not _is_within_time(moment, moment):
        raise ValueError("out of range in UTC")


def _is_within_time(first: datetime, last: datetime) -> bool:
    # One without a time zone is compared with none. The first and the last moment are infinities to
    # the driver, which reads these without a time zone.
    return first > FIRST_MOMENT and last < LAST_MOMENT
