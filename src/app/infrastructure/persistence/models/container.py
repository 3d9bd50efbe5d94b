"""Every model, imported once, so that the metadata is whole for migrations."""

from src.app.infrastructure.persistence.models.base import Base
from src.app.infrastructure.persistence.models.messages import DeadLetter, InboxEntry, OutboxEntry, StoredEvent
from src.app.infrastructure.persistence.models.sessions import Session
from src.app.infrastructure.persistence.models.users import User

__all__ = ["Base", "DeadLetter", "InboxEntry", "OutboxEntry", "Session", "StoredEvent", "User"]
