"""asyncpg and SQL by hand: what is possible if nothing but the work is done.

Rows come as tuples, which COPY takes as they are; nobody has to make them out of mappings first.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from benchmarks.repositories.peer import CITY, LIST_SIZE, PAGE_SIZE
from benchmarks.repositories.tables import PersonRow, UserRow

Tuples = Sequence[tuple[Any, ...]]

WRITTEN = [field.name for field in fields(PersonRow) if field.name != "id"]
UPDATED = ["id", "age", "is_active", "balance", "meta"]

_USER = ", ".join(field.name for field in fields(UserRow))
_FIRST = f"SELECT {_USER} FROM users WHERE uuid = $1 AND NOT is_deleted LIMIT 1"
_FOUND = "FROM users WHERE city = $1 AND is_active = $2 AND created_at >= $3 AND NOT is_deleted"
_NEWEST = f"{_FOUND} ORDER BY created_at DESC LIMIT $4 OFFSET $5"
_PAGE = f"SELECT {_USER}, count(*) OVER () {_NEWEST}"
_PAGE_AND_COUNT = f"SELECT {_USER}, (SELECT count(*) {_FOUND}) {_NEWEST}"
_LIST = f"SELECT {_USER} FROM users WHERE city = $1 AND NOT is_deleted ORDER BY id LIMIT $2"

_WRITTEN = ", ".join(WRITTEN)
_TYPES = ("uuid", "text", "text", "text", "int", "bool", "numeric", "timestamptz", "jsonb")
_INSERT = f"""
INSERT INTO benchmark_people ({_WRITTEN})
SELECT {_WRITTEN}
FROM unnest({", ".join(f"${place}::{type_}[]" for place, type_ in enumerate(_TYPES, 1))})
    WITH ORDINALITY AS given({_WRITTEN}, place)
ORDER BY place RETURNING id
"""
_GIVEN = """
CREATE TEMPORARY TABLE given (id bigint, age int, is_active bool, balance numeric, meta jsonb) ON COMMIT DROP
"""
_SET = "SET age = given.age, is_active = given.is_active, balance = given.balance, meta = given.meta"
_UPDATE_FROM_TABLE = f"UPDATE benchmark_people AS person {_SET} FROM given WHERE person.id = given.id"
_UPDATE_FROM_ARRAYS = f"""
UPDATE benchmark_people AS person {_SET}
FROM unnest($1::bigint[], $2::int[], $3::bool[], $4::numeric[], $5::jsonb[])
    AS given(id, age, is_active, balance, meta)
WHERE person.id = given.id
"""


class ByHand:
    """The work, and what has to be done around it."""

    def __init__(self, connection: asyncpg.Connection | asyncpg.Pool) -> None:
        self._connection = connection

    async def get_first(self, uuid: UUID) -> UserRow:
        return UserRow(*await self._connection.fetchrow(_FIRST, uuid))

    async def get_page(self, since: datetime) -> tuple[list[UserRow], int]:
        return await self._page(_PAGE, since)

    async def get_page_and_count(self, since: datetime) -> tuple[list[UserRow], int]:
        """Return the same page; rows are counted beside it, so that the page need not read them all."""
        return await self._page(_PAGE_AND_COUNT, since)

    async def get_list(self) -> list[UserRow]:
        return [UserRow(*row) for row in await self._connection.fetch(_LIST, CITY, LIST_SIZE)]

    async def create(self, rows: Tuples) -> None:
        await self._connection.copy_records_to_table("benchmark_people", columns=WRITTEN, records=rows)

    async def create_with_ids(self, rows: Tuples) -> list[int]:
        return [row[0] for row in await self._connection.fetch(_INSERT, *zip(*rows, strict=True))]

    async def update_by_table(self, rows: Tuples) -> None:
        async with self._connection.transaction():
            await self._connection.execute(_GIVEN)
            await self._connection.copy_records_to_table("given", columns=UPDATED, records=rows)
            await self._connection.execute(_UPDATE_FROM_TABLE)

    async def update_by_arrays(self, rows: Tuples) -> None:
        await self._connection.execute(_UPDATE_FROM_ARRAYS, *zip(*rows, strict=True))

    async def empty(self) -> None:
        await self._connection.execute("TRUNCATE benchmark_people RESTART IDENTITY")

    async def fill(self, rows: Tuples) -> None:
        """Have these people, with the ids 1, 2, …, and no others."""
        await self.empty()
        await self.create(rows)
        await self._connection.execute("ANALYZE benchmark_people")

    async def stored(self, columns: Sequence[str]) -> Tuples:
        """Return the people by id."""
        rows = await self._connection.fetch(f"SELECT {', '.join(columns)} FROM benchmark_people ORDER BY id")
        return [tuple(row) for row in rows]

    async def _page(self, sql: str, since: datetime) -> tuple[list[UserRow], int]:
        rows = await self._connection.fetch(sql, CITY, True, since, PAGE_SIZE, 0)
        return [UserRow(*row[:-1]) for row in rows], rows[0][-1]


@asynccontextmanager
async def pooled(url: str) -> AsyncIterator[asyncpg.Pool]:
    """Open a pool with custom plans and orjson, as the service has them."""
    settings = {"plan_cache_mode": "force_custom_plan", "jit": "off"}
    async with asyncpg.create_pool(
        url, min_size=1, max_size=2, connection_class=_Connection, init=_use_orjson, server_settings=settings
    ) as pool:
        yield pool


class _Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    # Nothing here changes the state of a session, so nothing is reset, which would be a round trip.
    def get_reset_query(self) -> str:
        return ""


async def _use_orjson(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + orjson.dumps(value),
        decoder=lambda stored: orjson.loads(stored[1:]),
        format="binary",
    )
