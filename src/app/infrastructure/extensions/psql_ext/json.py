"""JSON between Python and PostgreSQL: orjson behind asyncpg's codec for jsonb."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import orjson

NULL = orjson.Fragment(b"null")
"""The null inside JSON, where None would be the absence of any."""


def json_parameter(value: Any) -> Any:
    """Return the value as it can stand among others in an array, where a list would be taken for a dimension."""
    return orjson.Fragment(_dumped(value)) if isinstance(value, list) else value


async def use_json(connection: asyncpg.Connection) -> None:
    """Let a connection read and write jsonb as Python's own values."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        # COPY is binary, so the codec is: a version byte, then the text.
        encoder=lambda value: b"\x01" + _dumped(value),
        decoder=lambda stored: orjson.loads(stored[1:]),
        format="binary",
    )


def _dumped(value: Any) -> bytes:
    return orjson.dumps(value, default=_plain)


def _plain(value: object) -> Any:
    # asyncpg's UUID is a subclass, which orjson does not take for one.
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(str(value))
    raise TypeError(f"{type(value).__name__} is not JSON")
