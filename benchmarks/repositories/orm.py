"""SQLAlchemy's ORM with an asynchronous session, as its manual teaches: bulk work by "ORM-Enabled" statements."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from benchmarks.repositories.engine import engine_of
from benchmarks.repositories.peer import CITY, LIST_SIZE, PAGE_SIZE, Rows
from benchmarks.repositories.tables import Person
from src.app.infrastructure.persistence.models.users import User


class ORM:
    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions

    async def get_first(self, uuid: UUID) -> User:
        statement = select(User).where(User.uuid == uuid, User.is_deleted.is_(False)).limit(1)
        async with self._sessions() as session:
            return (await session.execute(statement)).scalar_one()

    async def get_page(self, since: datetime) -> tuple[list[User], int]:
        statement = (
            select(User, func.count().over())
            .where(
                User.city == CITY,
                User.is_active == True,  # noqa: E712  a value to compare with
                User.created_at >= since,
                User.is_deleted.is_(False),
            )
            .order_by(User.created_at.desc())
            .limit(PAGE_SIZE)
            .offset(0)
        )
        async with self._sessions() as session:
            rows = (await session.execute(statement)).all()
        return [user for user, _ in rows], rows[0][1]

    async def get_list(self) -> Sequence[User]:
        statement = (
            select(User).where(User.city == CITY, User.is_deleted.is_(False)).order_by(User.id).limit(LIST_SIZE)
        )
        async with self._sessions() as session:
            return (await session.scalars(statement)).all()

    async def create(self, rows: Rows) -> None:
        async with self._sessions.begin() as session:
            await session.execute(insert(Person), rows)

    async def create_with_ids(self, rows: Rows) -> Sequence[int]:
        statement = insert(Person).returning(Person.id, sort_by_parameter_order=True)
        async with self._sessions.begin() as session:
            return (await session.scalars(statement, rows)).all()

    async def update(self, rows: Rows) -> None:
        async with self._sessions.begin() as session:
            await session.execute(update(Person), rows)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[ORM]:
    async with engine_of(url) as engine:
        yield ORM(async_sessionmaker(engine, expire_on_commit=False))
