"""The tables below, and what a row of each is read into; the users are the service's own."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    DateTime,
    Identity,
    Index,
    MetaData,
    Numeric,
    String,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import Mapped, mapped_column

from src.app.infrastructure.persistence.models.base import Base

CITIZENS = 1_000_000

_FILL = f"""
INSERT INTO benchmark_citizens (uuid, email, first_name, last_name, age, is_active, balance, created_at, meta)
SELECT uuidv7(), 'citizen-' || n || '@example.com', 'Ada', 'Lovelace', n % 90, true, n / 100.0,
       now() - ({CITIZENS} - n) * interval '1 second', jsonb_build_object('number', n)
FROM generate_series(1, {CITIZENS}) AS n
"""


@dataclass(slots=True)
class UserRow:
    """All columns of `users`, so that nobody shows less than another."""

    id: int
    uuid: UUID
    email: str | None
    phone: str | None
    password_hashed: str | None
    first_name: str | None
    last_name: str | None
    birthday: date | None
    photo: str | None
    is_active: bool
    is_guest: bool
    is_verified: bool
    is_superuser: bool
    street: str | None
    city: str | None
    state: str | None
    zip_code: str | None
    country: str | None
    meta: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    version: int
    is_deleted: bool
    deleted_at: datetime | None


@dataclass(slots=True)
class PersonRow:
    id: int
    uuid: UUID
    email: str
    first_name: str
    last_name: str
    age: int
    is_active: bool
    balance: Decimal
    created_at: datetime
    meta: dict[str, Any]


class _Benchmarked(Base):
    # Metadata of their own: these tables are none of the service's.
    __abstract__ = True
    metadata = MetaData(naming_convention=Base.metadata.naming_convention)


class _PersonColumns:
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    uuid: Mapped[UUID] = mapped_column(Uuid)
    email: Mapped[str] = mapped_column(String(254))
    first_name: Mapped[str] = mapped_column(String(50))
    last_name: Mapped[str] = mapped_column(String(50))
    age: Mapped[int]
    is_active: Mapped[bool]
    balance: Mapped[Decimal] = mapped_column(Numeric(12, 2))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    meta: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Person(_PersonColumns, _Benchmarked):
    """Written to, and emptied before each turn."""

    __tablename__ = "benchmark_people"
    # What is emptied each second needs no vacuum, which would come in the middle of somebody's turn.
    __table_args__ = (UniqueConstraint("uuid"), {"postgresql_with": {"autovacuum_enabled": False}})


class Citizen(_PersonColumns, _Benchmarked):
    """One of a million, the newest with the highest id; only read."""

    __tablename__ = "benchmark_citizens"
    __table_args__ = (Index(None, "created_at", "id"),)


async def make_tables(engine: AsyncEngine) -> None:
    """Make the tables anew, with all citizens, and the index that a page of the newest users needs."""
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.run_sync(_Benchmarked.metadata.drop_all)
        await connection.run_sync(_Benchmarked.metadata.create_all)
        await connection.execute(text(_FILL))
        await connection.execute(text("CREATE INDEX IF NOT EXISTS ix_users_created_at ON users (created_at)"))
        await connection.execute(text("VACUUM ANALYZE benchmark_citizens, users"))
