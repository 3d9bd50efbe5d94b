"""What makes messages reliable: what happened, what must still be told, what was already heard."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    String,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from src.app.infrastructure.persistence.models.base import Base


class StoredEvent(Base):
    """Every domain event, for ever: the audit trail of an aggregate, in order of `id`."""

    __tablename__ = "event_store"
    __table_args__ = (Index("ix_event_store_aggregate_uuid_id", "aggregate_uuid", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    uuid: Mapped[UUID] = mapped_column(Uuid, unique=True)
    name: Mapped[str] = mapped_column(String(100))
    version: Mapped[int]
    aggregate: Mapped[str] = mapped_column(String(50))
    aggregate_uuid: Mapped[UUID] = mapped_column(Uuid)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    actor_uuid: Mapped[UUID | None] = mapped_column(Uuid)
    request_id: Mapped[str] = mapped_column(String(128), server_default="")
    occurred_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class OutboxEntry(Base):
    """An event that must still be told to one `destination`: the broker, or a subscriber here.

    Written in the transaction of the event, one entry a destination; deleted by the relay when
    that destination has confirmed.
    """

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_destination_id", "destination", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    event_id: Mapped[int] = mapped_column(BigInteger)
    aggregate_uuid: Mapped[UUID] = mapped_column(Uuid)
    destination: Mapped[str] = mapped_column(String(100))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    available_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    last_error: Mapped[str | None] = mapped_column(Text)


class InboxEntry(Base):
    """A message that a handler has dealt with, written in the transaction of its effect."""

    __tablename__ = "inbox"
    __table_args__ = (Index("ix_inbox_handled_at", "handled_at"),)

    message_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    handler: Mapped[str] = mapped_column(String(100), primary_key=True)
    handled_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class DeadLetter(Base):
    """A message that was not handled, as it came, with the reason; see `messaging/parking.py` for its states."""

    __tablename__ = "dead_letters"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'behind', 'dead')", name="state"),
        Index("ix_dead_letters_queue_key_id", "queue", "key", "id", postgresql_where=text("key <> ''")),
        Index(
            "ix_dead_letters_queue_available_at",
            "queue",
            "available_at",
            postgresql_where=text("state = 'waiting'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    uuid: Mapped[UUID] = mapped_column(Uuid, unique=True)
    queue: Mapped[str] = mapped_column(String(255))
    key: Mapped[str] = mapped_column(String(255), server_default="")
    state: Mapped[str] = mapped_column(String(10), server_default="dead")
    available_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    message_id: Mapped[str] = mapped_column(String(255), index=True)
    event: Mapped[str | None] = mapped_column(String(100))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    headers: Mapped[dict[str, Any]] = mapped_column(JSONB)
    reason: Mapped[str] = mapped_column(String(100))
    error: Mapped[str] = mapped_column(Text)
    attempts: Mapped[int]
    first_seen: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
