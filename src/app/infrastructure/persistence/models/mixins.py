from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Identity, Uuid, false, func, text
from sqlalchemy.orm import Mapped, mapped_column


class PKMixin:
    """An integer key that stays inside, and the uuid (version 7) by which it is known outside."""

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    uuid: Mapped[UUID] = mapped_column(Uuid, unique=True)


class TimestampsMixin:
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class VersionMixin:
    """Counts the saved changes, so that who saves an older state is refused."""

    version: Mapped[int] = mapped_column(server_default=text("1"))


class SoftDeleteMixin:
    """Deleted rows stay, and reads leave them out."""

    is_deleted: Mapped[bool] = mapped_column(server_default=false())
    deleted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
