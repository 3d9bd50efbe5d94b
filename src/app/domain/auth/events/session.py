from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from src.app.domain.common.events.base import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent(DomainEvent):
    aggregate: ClassVar[str] = "session"

    user_uuid: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class UserLoggedIn(SessionEvent):
    name: ClassVar[str] = "user.logged_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRevoked(SessionEvent):
    name: ClassVar[str] = "session.revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionReuseDetected(SessionEvent):
    name: ClassVar[str] = "session.reuse_detected"
