from functools import cached_property
from uuid import UUID

from src.app.application.services.auth_service import Account
from src.app.domain.auth.aggregates.session_agg import SessionAggregate
from src.app.domain.common.contact import Email, Phone
from src.app.infrastructure.persistence.models.sessions import Session
from src.app.infrastructure.persistence.models.users import User
from src.app.infrastructure.persistence.revocations import announce
from src.app.infrastructure.persistence.unit_of_work import PSQLUnitOfWork
from src.app.infrastructure.repositories.base import BasePSQLRepository
from src.app.infrastructure.repositories.users_repository import UsersPSQLRepository


class SessionsPSQLRepository(BasePSQLRepository[SessionAggregate]):
    model = Session

    async def save(self, aggregate: SessionAggregate) -> None:
        await super().save(aggregate)
        if aggregate.revoked_at is not None:
            await announce(self._executor, aggregate.uuid)

    async def find_locked(self, uuid: UUID) -> SessionAggregate | None:
        return await self.get_first({"uuid": uuid}, for_update=True)

    async def list_alive(self, user_uuid: UUID) -> list[SessionAggregate]:
        return await self.get_list({"user_uuid": user_uuid, "revoked_at__is_null": True}, for_update=True)


class AccountsPSQLReader(BasePSQLRepository[Account]):
    model = User

    async def find_account(self, who: UUID | Email | Phone) -> Account | None:
        match who:
            case Email():
                return await self.get_first({"email": who.value})
            case Phone():
                return await self.get_first({"phone": who.value})
            case _:
                return await self.get_first({"uuid": who})


class AuthPSQLUnitOfWork(PSQLUnitOfWork):
    @cached_property
    def sessions(self) -> SessionsPSQLRepository:
        return SessionsPSQLRepository(self)

    @cached_property
    def users(self) -> UsersPSQLRepository:
        return UsersPSQLRepository(self)
