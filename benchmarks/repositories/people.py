"""Who is written: people, as mappings, and as the tuples that COPY takes."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from uuid_utils.compat import uuid7

from benchmarks.repositories.peer import Rows

_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def new_people(number: int) -> Iterator[dict[str, Any]]:
    for place in range(number):
        yield {
            "uuid": uuid7(),
            "email": f"person-{place}@example.com",
            "first_name": "Ada",
            "last_name": "Lovelace",
            "age": place % 90,
            "is_active": True,
            "balance": Decimal(place) / 100,
            "created_at": _BEGAN + timedelta(seconds=place),
            "meta": {"number": place},
        }


def changed_people(number: int) -> Iterator[dict[str, Any]]:
    """Yield changes of the people whose ids are 1, 2, …"""
    for place in range(number):
        yield {
            "id": place + 1,
            "age": place % 80,
            "is_active": False,
            "balance": Decimal(place) / 10,
            "meta": {"number": -place},
        }


def tuples(rows: Rows, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in rows]
