from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

from src.app.domain.common.aggregates.base import BaseAggregate
from src.app.domain.common.contact import Email, Phone
from src.app.domain.common.exceptions import ValidationError
from src.app.domain.users.events.user import UserDeactivated, UserRegistered, UserUpdated
from src.app.domain.users.exceptions import UserInactiveError
from src.app.domain.users.value_objects.users_vob import FullName

PROFILE = frozenset({"name", "phone", "birthday", "street", "city", "state", "zip_code", "country", "meta"})


@dataclass(slots=True, kw_only=True, eq=False)
class UserAggregate(BaseAggregate):
    """A person who may sign in, with the profile they gave.

    Reached by e-mail or by phone, so at least one of them is there. Without a password hash
    nobody signs in as them with a password.
    """

    id: int | None = None
    email: Email | None = None
    phone: Phone | None = None
    password_hashed: str | None = field(default=None, repr=False)
    name: FullName = field(default_factory=FullName)
    birthday: date | None = None
    photo: str | None = None
    is_active: bool = True
    is_guest: bool = False
    is_verified: bool = False
    is_superuser: bool = False
    street: str | None = None
    city: str | None = None
    state: str | None = None
    zip_code: str | None = None
    country: str | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    created_at: datetime
    updated_at: datetime
    is_deleted: bool = False
    deleted_at: datetime | None = None

    @classmethod
    def register(
        cls,
        *,
        uuid: UUID,
        now: datetime,
        email: Email | None = None,
        phone: Phone | None = None,
        password_hashed: str | None = None,
        name: FullName | None = None,
        **profile: Any,
    ) -> Self:
        if email is None and phone is None:
            raise _unreachable()
        user = cls(
            uuid=uuid,
            email=email,
            phone=phone,
            password_hashed=password_hashed,
            name=name or FullName(),
            created_at=now,
            updated_at=now,
            **profile,
        )
        user.record(
            UserRegistered(
                aggregate_uuid=uuid, occurred_at=now, has_email=email is not None, has_phone=phone is not None
            )
        )
        return user

    def ensure_active(self) -> None:
        if not self.is_active:
            raise UserInactiveError

    def change_profile(self, *, now: datetime, **changes: Any) -> None:
        """Take over what differs of name, phone, birthday, address and meta; of nothing, nothing."""
        if foreign := changes.keys() - PROFILE:
            raise TypeError(f"Not part of a profile: {', '.join(sorted(foreign))}")
        if self.email is None and changes.get("phone", self.phone) is None:
            raise _unreachable()
        changed = tuple(name for name, value in changes.items() if getattr(self, name) != value)
        if not changed:
            return
        for name in changed:
            setattr(self, name, changes[name])
        self.updated_at = now
        self.record(UserUpdated(aggregate_uuid=self.uuid, occurred_at=now, fields=changed))

    def deactivate(self, *, now: datetime) -> None:
        self.ensure_active()
        self.is_active = False
        self.updated_at = now
        self.record(UserDeactivated(aggregate_uuid=self.uuid, occurred_at=now))

    def rehash_password(self, password_hashed: str, *, now: datetime) -> None:
        """Keep the same password under stronger parameters; nothing changed for the person."""
        self.password_hashed = password_hashed
        self.updated_at = now


def _unreachable() -> ValidationError:
    return ValidationError("A user needs an e-mail address or a phone number", field="email")
