from dataclasses import dataclass
from typing import ClassVar

from src.app.domain.common.events.base import DomainEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEvent(DomainEvent):
    aggregate: ClassVar[str] = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRegistered(UserEvent):
    name: ClassVar[str] = "user.registered"

    has_email: bool
    has_phone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UserUpdated(UserEvent):
    name: ClassVar[str] = "user.updated"

    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDeactivated(UserEvent):
    name: ClassVar[str] = "user.deactivated"
