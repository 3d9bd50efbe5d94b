from datetime import date
from typing import Any

from sqlalchemy import CheckConstraint, Computed, Index, String, false, text, true
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from src.app.infrastructure.persistence.models.base import Base
from src.app.infrastructure.persistence.models.mixins import (
    PKMixin,
    SoftDeleteMixin,
    TimestampsMixin,
    VersionMixin,
)


class User(PKMixin, TimestampsMixin, VersionMixin, SoftDeleteMixin, Base):
    __tablename__ = "users"
    __table_args__ = (
        # Addresses are normalised before they come here, so uniqueness is without case.
        CheckConstraint("email = lower(email)", name="email_is_lower_case"),
        CheckConstraint("email IS NOT NULL OR phone IS NOT NULL", name="can_be_reached"),
        Index("ix_users_created_at_id", "created_at", "id"),
    )

    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    phone: Mapped[str | None] = mapped_column(String(16), unique=True)
    password_hashed: Mapped[str | None] = mapped_column(String(255), info={"sensitive": True})
    first_name: Mapped[str | None] = mapped_column(String(50))
    last_name: Mapped[str | None] = mapped_column(String(50))
    full_name: Mapped[str | None] = mapped_column(
        String(101),
        Computed("nullif(btrim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), '')", persisted=True),
    )
    birthday: Mapped[date | None]
    photo: Mapped[str | None] = mapped_column(String(255))
    is_active: Mapped[bool] = mapped_column(server_default=true())
    is_guest: Mapped[bool] = mapped_column(server_default=false())
    is_verified: Mapped[bool] = mapped_column(server_default=false())
    is_superuser: Mapped[bool] = mapped_column(server_default=false())
    street: Mapped[str | None] = mapped_column(String(255))
    city: Mapped[str | None] = mapped_column(String(255))
    state: Mapped[str | None] = mapped_column(String(255))
    zip_code: Mapped[str | None] = mapped_column(String(255))
    country: Mapped[str | None] = mapped_column(String(255))
    meta: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
