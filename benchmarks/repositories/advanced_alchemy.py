"""advanced-alchemy's repository, as its manual teaches: "Repository Basics", "Filtering and Pagination".

JSON has SQLAlchemy's own type, because advanced-alchemy 1.12 cannot make its `JsonB` on SQLAlchemy 2.1.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from advanced_alchemy.base import IdentityAuditBase, IdentityBase
from advanced_alchemy.config import AsyncSessionConfig, SQLAlchemyAsyncConfig
from advanced_alchemy.filters import ComparisonFilter, LimitOffset, OrderBy
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from benchmarks.repositories.engine import address_of
from benchmarks.repositories.peer import CITY, LIST_SIZE, PAGE_SIZE, Rows


class User(IdentityAuditBase):
    __tablename__ = "users"

    uuid: Mapped[UUID]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    password_hashed: Mapped[str | None]
    first_name: Mapped[str | None]
    last_name: Mapped[str | None]
    birthday: Mapped[date | None]
    photo: Mapped[str | None]
    is_active: Mapped[bool]
    is_guest: Mapped[bool]
    is_verified: Mapped[bool]
    is_superuser: Mapped[bool]
    street: Mapped[str | None]
    city: Mapped[str | None]
    state: Mapped[str | None]
    zip_code: Mapped[str | None]
    country: Mapped[str | None]
    meta: Mapped[dict[str, Any]] = mapped_column(JSONB)
    version: Mapped[int]
    is_deleted: Mapped[bool]
    deleted_at: Mapped[datetime | None]


class Person(IdentityBase):
    __tablename__ = "benchmark_people"

    uuid: Mapped[UUID]
    email: Mapped[str]
    first_name: Mapped[str]
    last_name: Mapped[str]
    age: Mapped[int]
    is_active: Mapped[bool]
    balance: Mapped[Decimal]
    created_at: Mapped[datetime]
    meta: Mapped[dict[str, Any]] = mapped_column(JSONB)


class UserRepository(SQLAlchemyAsyncRepository[User]):
    model_type = User


class PersonRepository(SQLAlchemyAsyncRepository[Person]):
    model_type = Person


class AdvancedAlchemy:
    def __init__(self, config: SQLAlchemyAsyncConfig) -> None:
        self._config = config

    async def get_first(self, uuid: UUID) -> User | None:
        async with self._config.get_session() as session:
            return await UserRepository(session=session).get_one_or_none(uuid=uuid, is_deleted=False)

    async def get_page(self, since: datetime) -> tuple[list[User], int]:
        async with self._config.get_session() as session:
            return await UserRepository(session=session).get_many_and_count(
                ComparisonFilter("created_at", "ge", since),
                OrderBy("created_at", "desc"),
                LimitOffset(limit=PAGE_SIZE, offset=0),
                city=CITY,
                is_active=True,
                is_deleted=False,
            )

    async def get_list(self) -> list[User]:
        async with self._config.get_session() as session:
            return await UserRepository(session=session).get_many(
                OrderBy("id"), LimitOffset(limit=LIST_SIZE, offset=0), city=CITY, is_deleted=False
            )

    async def create(self, rows: Rows) -> None:
        await self._add(rows)

    async def create_with_ids(self, rows: Rows) -> Sequence[int]:
        return [person.id for person in await self._add(rows)]

    async def update(self, rows: Rows) -> None:
        async with self._config.get_session() as session:
            await PersonRepository(session=session).update_many([Person(**row) for row in rows], auto_commit=True)

    async def _add(self, rows: Rows) -> Sequence[Person]:
        async with self._config.get_session() as session:
            return await PersonRepository(session=session).add_many(
                [Person(**row) for row in rows], auto_commit=True
            )


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AdvancedAlchemy]:
    config = SQLAlchemyAsyncConfig(
        connection_string=address_of(url), session_config=AsyncSessionConfig(expire_on_commit=False)
    )
    try:
        yield AdvancedAlchemy(config)
    finally:
        await config.get_engine().dispose()
