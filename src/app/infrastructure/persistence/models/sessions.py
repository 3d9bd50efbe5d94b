from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Index, String, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from src.app.infrastructure.persistence.models.base import Base
from src.app.infrastructure.persistence.models.mixins import PKMixin, VersionMixin


class Session(PKMixin, VersionMixin, Base):
    __tablename__ = "sessions"
    __table_args__ = (
        Index("ix_sessions_revoked_at", "revoked_at", postgresql_where=text("revoked_at IS NOT NULL")),
    )

    user_uuid: Mapped[UUID] = mapped_column(Uuid, ForeignKey("users.uuid", ondelete="CASCADE"), index=True)
    refresh_hash: Mapped[str] = mapped_column(String(64), info={"sensitive": True})
    previous_hash: Mapped[str | None] = mapped_column(String(64), info={"sensitive": True})
    rotated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    address: Mapped[str | None] = mapped_column(String(64))
    user_agent: Mapped[str | None] = mapped_column(String(255))
