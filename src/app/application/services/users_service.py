from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from src.app.application.common.actor import Actor
from src.app.application.common.lists import Filters, ListQuery, ListRequest, PageSizes
from src.app.application.common.page import Page
from src.app.application.common.raises import raises
from src.app.application.dto.users import USERS, NewUser, Profile, UserDTO
from src.app.application.ports.clock import Clock
from src.app.application.ports.ids import Ids
from src.app.application.ports.passwords import PasswordHasher
from src.app.application.ports.unit_of_work import UnitOfWork
from src.app.domain.auth.services.auth_service import DomainAuthService
from src.app.domain.common.contact import Email, Phone
from src.app.domain.common.exceptions import (
    AlreadyExistsError,
    AuthorizationError,
    NotFoundError,
    RateLimitedError,
    StaleVersionError,
    ValidationError,
)
from src.app.domain.users.aggregates.user_agg import UserAggregate
from src.app.domain.users.exceptions import EmailTakenError, UserInactiveError
from src.app.domain.users.repository import UserRepository
from src.app.domain.users.services.users_service import DomainUsersService
from src.app.domain.users.value_objects.users_vob import FullName


class UsersUnitOfWork(UnitOfWork, Protocol):
    @property
    def users(self) -> UserRepository: ...


class UserReader(Protocol):
    async def get_user(self, uuid: UUID) -> UserDTO:
        """Read a user as they are shown, without a transaction.

        Raises:
            NotFoundError: there is none, or it is deleted.
        """

    async def page_users(self, query: ListQuery) -> Page[UserDTO]:
        """Read a page; with `query.fields`, its items are of these alone."""


class AppUserService:
    """Users and their profiles."""

    def __init__(
        self,
        *,
        uow: Callable[[], UsersUnitOfWork],
        reader: UserReader,
        rules: DomainUsersService,
        password_rules: DomainAuthService,
        passwords: PasswordHasher,
        clock: Clock,
        ids: Ids,
        page_sizes: PageSizes,
    ) -> None:
        self._uow = uow
        self._reader = reader
        self._rules = rules
        self._password_rules = password_rules
        self._passwords = passwords
        self._clock = clock
        self._ids = ids
        self._page_sizes = page_sizes

    @raises(ValidationError, AlreadyExistsError, RateLimitedError)
    async def create_user_by_email(self, new: NewUser) -> UserDTO:
        """Make a user who is reached by e-mail; everyone is told by `user.registered`."""
        self._check_birthday(new.birthday)
        password_hashed = None
        if new.password is not None:
            password = new.password.get_secret_value()
            self._password_rules.check_password(password, email=new.email)
            password_hashed = await self._passwords.hash(password)
        return await self._register(
            UserAggregate.register(
                uuid=self._ids.new(),
                now=self._clock.now(),
                email=new.email,
                password_hashed=password_hashed,
                **new.values(),
            )
        )

    @raises(ValidationError, AlreadyExistsError)
    async def create_user_by_phone(self, phone: Phone, profile: Profile) -> UserDTO:
        """Make a user who is reached by phone and has no password."""
        self._check_birthday(profile.birthday)
        return await self._register(
            UserAggregate.register(
                uuid=self._ids.new(), now=self._clock.now(), **{**profile.values(), "phone": phone}
            )
        )

    @raises(NotFoundError)
    async def get_me(self, actor: Actor) -> UserDTO:
        """Show the caller their own profile."""
        return await self._reader.get_user(actor.uuid)

    @raises(NotFoundError)
    async def get_user(self, actor: Actor, uuid: UUID) -> UserDTO:
        """Show a user to themselves, or to who may read users."""
        _require_self_or(actor, uuid, "users:read")
        return await self._reader.get_user(uuid)

    @raises(AuthorizationError, ValidationError)
    async def list_users(self, actor: Actor, request: ListRequest) -> Page[UserDTO]:
        """Show users to who may read them all."""
        actor.require("users:read")
        return await self._reader.page_users(USERS.query(request, actor=actor, sizes=self._page_sizes))

    @raises(AuthorizationError)
    async def list_user_filters(self, actor: Actor) -> Filters:
        """Show what may be asked of the list of users, to who may read it."""
        actor.require("users:read")
        return USERS.described(actor)

    @raises(NotFoundError, ValidationError, AlreadyExistsError, StaleVersionError)
    async def update_user(
        self, actor: Actor, uuid: UUID, changes: Profile, *, expected_version: int | None = None
    ) -> UserDTO:
        """Take over the fields that were sent, merging `meta` (RFC 7396); the others stay as they are.

        With `expected_version`, only over that one.
        """
        self._check_birthday(changes.birthday)
        return await self._change_profile(
            actor, uuid, lambda user: changes.values(over=user), expected_version=expected_version
        )

    @raises(NotFoundError, ValidationError, AlreadyExistsError, StaleVersionError)
    async def replace_user(
        self, actor: Actor, uuid: UUID, profile: Profile, *, expected_version: int | None = None
    ) -> UserDTO:
        """Take over the whole profile: what was not sent is taken away."""
        self._check_birthday(profile.birthday)
        return await self._change_profile(
            actor, uuid, lambda _: profile.all_values(), expected_version=expected_version
        )

    @raises(NotFoundError, AuthorizationError, UserInactiveError, StaleVersionError)
    async def deactivate_user(self, actor: Actor, uuid: UUID) -> None:
        """Keep a user from signing in; what is theirs stays."""
        actor.require("users:write")
        async with self._uow() as uow:
            user = await uow.users.get_locked(uuid)
            user.deactivate(now=self._clock.now())
            await uow.users.save(user)

    @raises(ValidationError, RateLimitedError)
    async def ensure_superadmin(self, *, email: Email, password: str, name: FullName) -> None:
        """Make the first superadmin of an installation, verified, unless somebody has that e-mail."""
        async with self._uow() as uow:
            if await uow.users.find_by_email(email) is not None:
                return
        user = UserAggregate.register(
            uuid=self._ids.new(),
            now=self._clock.now(),
            email=email,
            password_hashed=await self._passwords.hash(password),
            name=name,
            is_superuser=True,
            is_verified=True,
        )
        # Two installations of one database may get here at once, and the first wins.
        with suppress(EmailTakenError):
            await self._register(user)

    async def _change_profile(
        self,
        actor: Actor,
        uuid: UUID,
        values: Callable[[UserAggregate], dict[str, Any]],
        *,
        expected_version: int | None,
    ) -> UserDTO:
        _require_self_or(actor, uuid, "users:write")
        async with self._uow() as uow:
            user = await uow.users.get_locked(uuid)
            if expected_version not in {None, user.version}:
                raise StaleVersionError
            user.change_profile(now=self._clock.now(), **values(user))
            if user.has_events:
                await uow.users.save(user)
        return UserDTO.of(user)

    async def _register(self, user: UserAggregate) -> UserDTO:
        # Two requests may both see the e-mail as free. The unique index decides between them, so
        # there is no look beforehand: it would only make the race less visible.
        async with self._uow() as uow:
            await uow.users.add(user)
        return UserDTO.of(user)

    def _check_birthday(self, birthday: date | None) -> None:
        if birthday is not None:
            self._rules.check_birthday(birthday, today=self._clock.now().date())


def _require_self_or(actor: Actor, uuid: UUID, permission: str) -> None:
    # Whether there is such a user is not for others to know.
    if actor.user_uuid != uuid and not actor.may(permission):
        raise NotFoundError
