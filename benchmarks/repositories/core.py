"""SQLAlchemy Core, as its tutorial teaches it, on an asynchronous engine."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import Table, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.repositories.engine import engine_of
from benchmarks.repositories.peer import CITY, LIST_SIZE, PAGE_SIZE, Rows
from benchmarks.repositories.tables import Person, UserRow
from src.app.infrastructure.persistence.models.users import User

_users: Table = User.__table__  # type: ignore[assignment]
_people: Table = Person.__table__  # type: ignore[assignment]
_columns = [_users.c[field.name] for field in fields(UserRow)]


class Core:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def get_first(self, uuid: UUID) -> UserRow:
        statement = select(*_columns).where(_users.c.uuid == uuid, _users.c.is_deleted.is_(False)).limit(1)
        async with self._engine.connect() as connection:
            row = (await connection.execute(statement)).one()
        return UserRow(*row)

    async def get_page(self, since: datetime) -> tuple[list[UserRow], int]:
        statement = (
            select(*_columns, func.count().over())
            .where(
                _users.c.city == CITY,
                _users.c.is_active == True,  # noqa: E712  a value to compare with
                _users.c.created_at >= since,
                _users.c.is_deleted.is_(False),
            )
            .order_by(_users.c.created_at.desc())
            .limit(PAGE_SIZE)
            .offset(0)
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(statement)).all()
        return [UserRow(*row[:-1]) for row in rows], rows[0][-1]

    async def get_list(self) -> list[UserRow]:
        statement = (
            select(*_columns)
            .where(_users.c.city == CITY, _users.c.is_deleted.is_(False))
            .order_by(_users.c.id)
            .limit(LIST_SIZE)
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(statement)).all()
        return [UserRow(*row) for row in rows]

    async def create(self, rows: Rows) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(insert(_people), rows)

    async def create_with_ids(self, rows: Rows) -> Sequence[int]:
        statement = insert(_people).returning(_people.c.id, sort_by_parameter_order=True)
        async with self._engine.begin() as connection:
            ids: Sequence[int] = (await connection.execute(statement, rows)).scalars().all()
        return ids

    async def update(self, rows: Rows) -> None:
        columns = [name for name in rows[0] if name != "id"]
        statement = (
            update(_people)
            .where(_people.c.id == bindparam("of_id"))
            .values({name: bindparam(f"new_{name}") for name in columns})
        )
        values = [{"of_id": row["id"], **{f"new_{name}": row[name] for name in columns}} for row in rows]
        async with self._engine.begin() as connection:
            await connection.execute(statement, values)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Core]:
    async with engine_of(url) as engine:
        yield Core(engine)
