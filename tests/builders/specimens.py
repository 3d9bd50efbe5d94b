"""A table with a column of every type that the repository knows, which the service itself has no use for."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Computed,
    DateTime,
    Float,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    String,
    Text,
    Uuid,
    text,
)
from sqlalchemy import Enum as Choice
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from src.app.infrastructure.persistence.models.base import Base


class Apart(DeclarativeBase):
    """Tables of the tests, in a schema apart: named as the service names its own, but not migrated."""

    metadata = MetaData(schema="cabinet", naming_convention=Base.metadata.naming_convention)


class Drawer(Apart):
    __tablename__ = "drawers"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(String(20), unique=True)


class Specimen(Apart):
    __tablename__ = "specimens"
    __table_args__ = (CheckConstraint("size > -1000000", name="size_is_not_too_small"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    uuid: Mapped[UUID | None] = mapped_column(Uuid, unique=True)
    drawer_id: Mapped[int | None] = mapped_column(ForeignKey(Drawer.id))
    name: Mapped[str | None] = mapped_column(Text)
    code: Mapped[str | None] = mapped_column(String(10), unique=True)
    kind: Mapped[str | None] = mapped_column(Choice("bone", "shell", "leaf", name="specimen_kind"))
    small: Mapped[int | None] = mapped_column(SmallInteger)
    size: Mapped[int | None] = mapped_column(Integer)
    count: Mapped[int | None] = mapped_column(BigInteger)
    price: Mapped[Decimal | None] = mapped_column(Numeric)
    cost: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    weight: Mapped[float | None] = mapped_column(Float(53))
    is_whole: Mapped[bool | None]
    found_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    noted_at: Mapped[datetime | None] = mapped_column(DateTime)
    found_on: Mapped[date | None]
    opens_at: Mapped[time | None]
    age: Mapped[timedelta | None]
    print: Mapped[bytes | None] = mapped_column(LargeBinary)
    tags: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    numbers: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    meta: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    words: Mapped[str | None] = mapped_column(
        TSVECTOR, Computed("to_tsvector('simple'::regconfig, coalesce(name, ''))", persisted=True)
    )
    secret: Mapped[str | None] = mapped_column(String(20), info={"sensitive": True})
    is_deleted: Mapped[bool] = mapped_column(server_default=text("false"))
    deleted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
