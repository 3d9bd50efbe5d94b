from typing import Protocol
from uuid import UUID

from src.app.domain.common.contact import Email
from src.app.domain.users.aggregates.user_agg import UserAggregate


class UserRepository(Protocol):
    async def add(self, user: UserAggregate) -> None:
        """Store a new user and give it its `id`.

        Raises:
            EmailTakenError, PhoneTakenError: another user has it; the unique index decides.
        """

    async def save(self, user: UserAggregate) -> None:
        """Store the changes of a loaded user.

        Raises:
            StaleVersionError: somebody saved it since it was loaded.
        """

    async def get_locked(self, uuid: UUID) -> UserAggregate:
        """Load a user, locked until the transaction ends.

        Raises:
            NotFoundError: there is none, or it is deleted.
        """

    async def find_by_email(self, email: Email) -> UserAggregate | None: ...
