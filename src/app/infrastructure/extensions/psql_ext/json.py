"""JSON between Python and PostgreSQL: orjson behind asyncpg's codec for jsonb."""

from decimal import Decimal
from math import isfinite
from typing import Any
from uuid import UUID

import asyncpg
import orjson

NULL = orjson.Fragment(b"null")
"""The null inside JSON, where None would be the absence of any."""


def json_text(value: Any) -> bytes:
    """Return the value as JSON.

    Raises:
        TypeError: it is none, or could not be read again.
    """
    text = orjson.dumps(value, default=_plain)
    # What is no number becomes null, which nobody gave; where there is no null, there was none.
    if b"null" in text and not _is_finite(value):
        raise TypeError("NaN and infinity are not JSON")
    return text


def json_parameter(value: Any) -> Any:
    """Return the value as it can stand among others in an array, where a list would be taken for a dimension."""
    return value if isinstance(value, _SCALARS) else orjson.Fragment(json_text(value))


async def use_json(connection: asyncpg.Connection) -> None:
    """Let a connection read and write jsonb as Python's own values."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        # COPY is binary, so the codec is: a version byte, then the text.
        encoder=lambda value: b"\x01" + json_text(value),
        decoder=lambda stored: orjson.loads(stored[1:]),
        format="binary",
    )


_SCALARS = (dict, str, int, float, Decimal, type(None), orjson.Fragment)


def _is_finite(value: Any) -> bool:
    match value:
        case float():
            return isfinite(value)
        case dict():
            return all(map(_is_finite, value.values()))
        case list() | tuple():
            return all(map(_is_finite, value))
        case _:
            return True


def _plain(value: object) -> Any:
    # asyncpg's UUID is a subclass, which orjson does not take for one.
    if isinstance(value, UUID):
        return str(value)
    # What is larger than a float can be is written, and then nobody can read the row.
    if isinstance(value, Decimal) and isfinite(value):
        return orjson.Fragment(str(value))
    raise TypeError(f"{type(value).__name__} is not JSON")
