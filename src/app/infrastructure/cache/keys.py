"""The one text for the arguments of a call: equal ones have the same, and others another."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from hashlib import blake2b
from typing import Any
from uuid import UUID

from src.app.application.common.filters import Q

# Their `repr` tells each from every other, and from text that looks like it.
_PLAIN = frozenset({type(None), bool, int, float, str, bytes, Decimal, date, datetime, time, timedelta})


class NoKeyError(Exception):
    """There is no text that tells a value from every other."""


def digest_of(*values: Any) -> str:
    """Return 40 characters for these values, however long they are and whatever is in them.

    Raises:
        NoKeyError: one is of a type that is not known here, or nests too deep.
    """
    try:
        text = repr(tuple(map(_plain, values)))
    except RecursionError as error:
        raise NoKeyError("It nests too deep") from error
    return blake2b(text.encode(), digest_size=20).hexdigest()


def _plain(value: Any) -> Any:
    kind = type(value)
    return value if kind in _PLAIN else (kind.__qualname__, *_parts(value))


def _parts(value: Any) -> Iterable[Any]:
    match value:
        case UUID():
            return [value.hex]
        case Enum():
            return [value.name]
        case list() | tuple():
            return map(_plain, value)
        case Mapping():
            return sorted((repr(_plain(key)), _plain(item)) for key, item in value.items())
        case Q():
            return [value.connector, value.negated, *map(_plain, value.children)]
        case _ if is_dataclass(value):
            return [(field.name, _plain(getattr(value, field.name))) for field in fields(value)]
    raise NoKeyError(f"{type(value).__qualname__} is not known here")
