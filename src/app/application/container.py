from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, cast

from src.app.application.common.current import Current
from src.app.application.common.lists import PageSizes
from src.app.application.ports.cache import Cache
from src.app.application.ports.clock import Clock
from src.app.application.ports.dead_letters import DeadLetters
from src.app.application.ports.ids import Ids
from src.app.application.ports.mailer import Mailer
from src.app.application.ports.passwords import PasswordHasher
from src.app.application.ports.revocations import Revocations
from src.app.application.ports.tasks import TaskQueue
from src.app.application.ports.tokens import TokenSigner
from src.app.application.services.auth_service import AccountReader, AppAuthService, AuthUnitOfWork
from src.app.application.services.dead_letters_service import AppDeadLettersService
from src.app.application.services.mail_service import AppMailService
from src.app.application.services.users_service import AppUserService, UserReader, UsersUnitOfWork
from src.app.domain.auth.services.auth_service import DomainAuthService
from src.app.domain.auth.services.jwt_service import DomainJWTService
from src.app.domain.users.services.users_service import DomainUsersService


@dataclass(frozen=True, kw_only=True)
class Policies:
    """The choices that an installation makes, as the values that the rules take."""

    project_name: str
    token_issuer: str
    token_audience: str
    access_ttl: timedelta
    refresh_ttl: timedelta
    common_passwords: frozenset[str]
    strong_passwords: bool
    min_age_years: int
    page_sizes: PageSizes


@dataclass(frozen=True, kw_only=True)
class Container:
    """What the application needs from outside, and what it offers to the doors."""

    policies: Policies
    accounts: AccountReader
    auth_uow: Callable[[], AuthUnitOfWork]
    cache: Cache
    clock: Clock
    dead_letters: DeadLetters
    ids: Ids
    mailer: Mailer
    passwords: PasswordHasher
    revocations: Revocations
    signer: TokenSigner
    tasks: TaskQueue
    users_reader: UserReader
    users_uow: Callable[[], UsersUnitOfWork]

    @cached_property
    def auth_service(self) -> AppAuthService:
        return AppAuthService(
            uow=self.auth_uow,
            accounts=self.accounts,
            registration=self.users_service,
            rules=DomainJWTService(
                issuer=self.policies.token_issuer,
                audience=self.policies.token_audience,
                access_ttl=self.policies.access_ttl,
                refresh_ttl=self.policies.refresh_ttl,
            ),
            signer=self.signer,
            passwords=self.passwords,
            revocations=self.revocations,
            clock=self.clock,
            ids=self.ids,
        )

    @cached_property
    def dead_letters_service(self) -> AppDeadLettersService:
        return AppDeadLettersService(dead_letters=self.dead_letters, page_sizes=self.policies.page_sizes)

    @cached_property
    def mail_service(self) -> AppMailService:
        return AppMailService(users=self.users_reader, mailer=self.mailer, project_name=self.policies.project_name)

    @cached_property
    def users_service(self) -> AppUserService:
        return AppUserService(
            uow=self.users_uow,
            reader=self.users_reader,
            rules=DomainUsersService(min_age_years=self.policies.min_age_years),
            password_rules=DomainAuthService(
                common_passwords=self.policies.common_passwords,
                strong_passwords=self.policies.strong_passwords,
            ),
            passwords=self.passwords,
            clock=self.clock,
            ids=self.ids,
            page_sizes=self.policies.page_sizes,
        )


current_container: Current[Container] = Current("container")


class _RunningContainer:
    """Stands for the container of the running process."""

    def __getattr__(self, name: str) -> Any:
        return getattr(current_container.get(), name)


container = cast("Container", _RunningContainer())
"""The running process's container; it says so when there is none yet."""
