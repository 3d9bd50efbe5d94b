from functools import cached_property
from uuid import UUID

from src.app.application.common.lists import ListQuery
from src.app.application.common.page import Page
from src.app.application.dto.users import UserDTO
from src.app.domain.common.contact import Email, Phone
from src.app.domain.users.aggregates.user_agg import UserAggregate
from src.app.domain.users.exceptions import EmailTakenError, PhoneTakenError
from src.app.domain.users.value_objects.users_vob import FullName
from src.app.infrastructure.persistence.models.users import User
from src.app.infrastructure.persistence.unit_of_work import PSQLUnitOfWork
from src.app.infrastructure.repositories.base import BasePSQLRepository


class UsersPSQLRepository(BasePSQLRepository[UserAggregate]):
    model = User
    composites = {
        "email": (Email, "email"),
        "phone": (Phone, "phone"),
        "name": (FullName, "first_name", "last_name"),
    }
    renamed = {"avatar_url": "photo"}
    violations = {"uq_users_email": EmailTakenError, "uq_users_phone": PhoneTakenError}

    async def get_user(self, uuid: UUID) -> UserDTO:
        return await self.get_one({"uuid": uuid}, out=UserDTO)

    async def page_users(self, query: ListQuery) -> Page[UserDTO]:
        return await self.get_queried(query, out=UserDTO)

    async def get_locked(self, uuid: UUID) -> UserAggregate:
        return await self.get_one({"uuid": uuid}, for_update=True)

    async def find_by_email(self, email: Email) -> UserAggregate | None:
        return await self.get_first({"email": email.value})


class UsersPSQLUnitOfWork(PSQLUnitOfWork):
    @cached_property
    def users(self) -> UsersPSQLRepository:
        return UsersPSQLRepository(self)
