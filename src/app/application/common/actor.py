from dataclasses import dataclass
from typing import Self
from uuid import UUID

from src.app.domain.common.exceptions import AuthenticationError, AuthorizationError

EVERYTHING = frozenset({"*:*"})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a signed-in user, or the service itself.

    `permissions` are `resource:action`, where `*` stands for any. `requests_per_minute` is what their
    plan grants, where it grants more or less than everybody has.
    """

    user_uuid: UUID | None
    session_id: UUID | None = None
    permissions: frozenset[str] = frozenset()
    requests_per_minute: int | None = None

    @classmethod
    def system(cls) -> Self:
        """The service acting for itself: consumers, tasks and the command line."""
        return cls(user_uuid=None, permissions=EVERYTHING)

    @property
    def uuid(self) -> UUID:
        """The user's uuid.

        Raises:
            AuthenticationError: it is not a user who asks.
        """
        if self.user_uuid is None:
            raise AuthenticationError("This needs a signed-in user")
        return self.user_uuid

    def may(self, permission: str) -> bool:
        resource, _, _ = permission.partition(":")
        return not self.permissions.isdisjoint({permission, f"{resource}:*", "*:*"})

    def require(self, permission: str) -> None:
        if not self.may(permission):
            raise AuthorizationError(permission=permission)
