import asyncio
from datetime import date
from uuid import uuid4

import pytest

from src.app.application.common.actor import Actor
from src.app.application.common.context import current_actor, request_id
from src.app.application.container import Container
from src.app.application.dto.users import Profile
from src.app.application.services.users_service import AppUserService
from src.app.domain.common.contact import Email, Phone
from src.app.domain.common.exceptions import AuthorizationError, NotFoundError, ValidationError
from src.app.domain.users.exceptions import EmailTakenError, PhoneTakenError, UserInactiveError
from src.app.domain.users.value_objects.users_vob import FullName
from tests.builders.outbox import Outbox
from tests.builders.users import a_new_user


class TestCreateUserByEmail:
    async def test_the_user_is_stored_as_it_is_answered(self, users: AppUserService) -> None:
        created = await users.create_user_by_email(
            a_new_user(email="Ada.Lovelace@Example.COM", full_name="Ada King Lovelace", meta={"theme": "dark"})
        )

        assert created.email == "ada.lovelace@example.com"
        assert (created.first_name, created.last_name) == ("Ada", "King Lovelace")
        assert await users.get_user(Actor.system(), created.uuid) == created

    async def test_the_event_commits_with_the_user(self, users: AppUserService, outbox: Outbox) -> None:
        request_id.set("request-0001")

        created = await users.create_user_by_email(a_new_user())

        broker, mail = await outbox.entries()
        assert (broker["name"], broker["destination"]) == ("user.registered", "broker")
        assert (mail["name"], mail["destination"]) == ("user.registered", "welcome_mail")
        assert broker["aggregate_uuid"] == created.uuid
        assert broker["request_id"] == "request-0001"
        assert "@" not in str(broker["payload"])

    async def test_the_event_says_who_did_it(self, users: AppUserService, outbox: Outbox) -> None:
        created = await users.create_user_by_email(a_new_user())
        current_actor.set(Actor(created.uuid))

        await users.update_user(Actor(created.uuid), created.uuid, Profile(city="Rome"))

        actors = [entry["actor_uuid"] for entry in await outbox.entries() if entry["destination"] == "broker"]
        assert actors == [None, created.uuid]

    async def test_of_many_at_once_with_one_address_one_wins(self, users: AppUserService, outbox: Outbox) -> None:
        new = a_new_user()

        answers = await asyncio.gather(
            *(users.create_user_by_email(new) for _ in range(8)), return_exceptions=True
        )

        assert sorted(type(answer).__name__ for answer in answers) == ["EmailTakenError"] * 7 + ["UserDTO"]
        assert await outbox.names() == ["user.registered"]

    async def test_a_taken_address_is_named(self, users: AppUserService) -> None:
        await users.create_user_by_email(a_new_user(email="ada@example.com"))

        with pytest.raises(EmailTakenError) as raised:
            await users.create_user_by_email(a_new_user(email="ADA@example.com"))

        assert raised.value.details == [
            {"key": "email", "message": "A user with this email already exists", "code": "duplicate"}
        ]

    async def test_a_child_is_refused(self, users: AppUserService) -> None:
        with pytest.raises(ValidationError, match="at least 13"):
            await users.create_user_by_email(a_new_user(birthday=date.today().isoformat()))  # noqa: DTZ011

    async def test_a_common_password_is_refused(self, users: AppUserService) -> None:
        with pytest.raises(ValidationError, match="most common"):
            await users.create_user_by_email(a_new_user(password="Password1"))


class TestCreateUserByPhone:
    async def test_they_have_no_password_and_no_address(self, users: AppUserService) -> None:
        created = await users.create_user_by_phone(Phone("+442079460958"), Profile(first_name="Ada"))

        assert (created.phone, created.email, created.first_name) == ("+442079460958", None, "Ada")

    async def test_a_taken_number_is_named(self, users: AppUserService) -> None:
        await users.create_user_by_phone(Phone("+442079460958"), Profile())

        with pytest.raises(PhoneTakenError):
            await users.create_user_by_phone(Phone("+442079460958"), Profile())


class TestGetUser:
    async def test_they_see_themselves(self, users: AppUserService) -> None:
        created = await users.create_user_by_email(a_new_user())

        assert await users.get_user(Actor(created.uuid), created.uuid) == created
        assert await users.get_me(Actor(created.uuid)) == created

    async def test_for_others_there_is_none_without_the_permission(self, users: AppUserService) -> None:
        created = await users.create_user_by_email(a_new_user())

        with pytest.raises(NotFoundError):
            await users.get_user(Actor(uuid4()), created.uuid)

    async def test_there_may_be_none(self, users: AppUserService) -> None:
        with pytest.raises(NotFoundError):
            await users.get_user(Actor.system(), uuid4())


class TestUpdateUser:
    async def test_only_what_was_sent_changes(self, users: AppUserService, outbox: Outbox) -> None:
        created = await users.create_user_by_email(a_new_user(first_name="Ada", last_name="King", city="Rome"))

        changed = await users.update_user(Actor(created.uuid), created.uuid, Profile(last_name="Lovelace"))

        assert (changed.first_name, changed.last_name, changed.city) == ("Ada", "Lovelace", "Rome")
        assert changed.version == created.version + 1
        assert await outbox.names() == ["user.registered", "user.updated"]

    async def test_two_changes_at_once_both_stand(self, users: AppUserService) -> None:
        created = await users.create_user_by_email(a_new_user())
        me = Actor(created.uuid)

        await asyncio.gather(
            users.update_user(me, me.uuid, Profile(city="Oslo")),
            users.update_user(me, me.uuid, Profile(country="Norway")),
        )

        stored = await users.get_me(me)
        assert (stored.city, stored.country, stored.version) == ("Oslo", "Norway", 3)

    async def test_somebody_elses_cannot_be_changed(self, users: AppUserService) -> None:
        created = await users.create_user_by_email(a_new_user())

        with pytest.raises(NotFoundError):
            await users.update_user(Actor(uuid4()), created.uuid, Profile(city="Oslo"))


class TestDeactivateUser:
    async def test_it_needs_the_permission(self, users: AppUserService) -> None:
        created = await users.create_user_by_email(a_new_user())

        with pytest.raises(AuthorizationError):
            await users.deactivate_user(Actor(created.uuid), created.uuid)

    async def test_a_second_time_is_refused(self, users: AppUserService) -> None:
        created = await users.create_user_by_email(a_new_user())
        await users.deactivate_user(Actor.system(), created.uuid)

        with pytest.raises(UserInactiveError):
            await users.deactivate_user(Actor.system(), created.uuid)


class TestEnsureSuperadmin:
    async def test_a_second_start_changes_nothing(self, container: Container, outbox: Outbox) -> None:
        for password in ("the first phrase", "another phrase"):
            await container.users_service.ensure_superadmin(
                email=Email("admin@example.com"), password=password, name=FullName("Super", "Admin")
            )

        account = await container.accounts.find_account(Email("admin@example.com"))
        assert account is not None
        assert account.is_superuser
        assert await container.passwords.verify("the first phrase", account.password_hashed) == (True, None)
        assert await outbox.names() == ["user.registered"]
