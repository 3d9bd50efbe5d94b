"""Every model, imported once, so that the metadata is whole for migrations."""

from src.app.infrastructure.persistence.models.base import Base
from src.app.infrastructure.persistence.models.messages import DeadLetter, InboxEntry, OutboxEntry, StoredEvent
from src.app.infrastructure.persistence.models.requests import IdempotentRequest
from src.app.infrastructure.persistence.models.sessions import Session
from src.app.infrastructure.persistence.models.users import User

SCHEMA_REVISION = "0005"
"""The migration that these models stand at; alembic itself is too dear to ask in each process."""

__all__ = [
    "SCHEMA_REVISION",
    "Base",
    "DeadLetter",
    "IdempotentRequest",
    "InboxEntry",
    "OutboxEntry",
    "Session",
    "StoredEvent",
    "User",
]
