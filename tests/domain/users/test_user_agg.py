from datetime import timedelta
from uuid import uuid4

import pytest

from src.app.domain.common.contact import Email, Phone
from src.app.domain.common.exceptions import ValidationError
from src.app.domain.users.aggregates.user_agg import UserAggregate
from src.app.domain.users.exceptions import UserInactiveError
from src.app.domain.users.value_objects.users_vob import FullName
from tests.builders.users import NOW, a_user


class TestRegister:
    def test_it_tells_how_the_user_is_reached_and_nothing_more(self) -> None:
        user = UserAggregate.register(uuid=uuid4(), now=NOW, phone=Phone("+442079460958"))

        (event,) = user.pull_events()

        assert event.name == "user.registered"
        assert (event.has_email, event.has_phone) == (False, True)  # type: ignore[attr-defined]
        assert "+44" not in repr(event)

    def test_a_user_must_be_reachable(self) -> None:
        with pytest.raises(ValidationError, match="e-mail address or a phone"):
            UserAggregate.register(uuid=uuid4(), now=NOW)

    def test_the_password_hash_is_not_shown(self) -> None:
        user = a_user(password_hashed="$bcrypt$hash")

        assert "hash" not in repr(user).replace("password_hashed", "")


class TestChangeProfile:
    def test_it_tells_which_fields_changed(self) -> None:
        user = a_user(city="Rome")

        user.change_profile(now=NOW + timedelta(days=1), city="Oslo", name=FullName("Ada", "Byron"))

        (event,) = user.pull_events()
        assert set(event.fields) == {"city", "name"}  # type: ignore[attr-defined]
        assert user.updated_at == NOW + timedelta(days=1)

    def test_a_change_of_nothing_is_not_a_change(self) -> None:
        user = a_user(city="Rome")

        user.change_profile(now=NOW + timedelta(days=1), city="Rome")

        assert not user.has_events
        assert user.updated_at == NOW

    def test_only_a_profile_can_be_changed(self) -> None:
        with pytest.raises(TypeError, match="is_superuser"):
            a_user().change_profile(now=NOW, is_superuser=True)

    def test_the_last_way_to_reach_them_stays(self) -> None:
        user = a_user(email=None, phone=Phone("+442079460958"))

        with pytest.raises(ValidationError, match="e-mail address or a phone"):
            user.change_profile(now=NOW, phone=None)


class TestDeactivate:
    def test_they_cannot_sign_in_any_more(self) -> None:
        user = a_user()

        user.deactivate(now=NOW)

        with pytest.raises(UserInactiveError):
            user.ensure_active()

    def test_only_an_active_one_can_be_deactivated(self) -> None:
        user = a_user(is_active=False)

        with pytest.raises(UserInactiveError):
            user.deactivate(now=NOW)


class TestIdentity:
    def test_a_user_stays_the_same_while_fields_change(self) -> None:
        user = a_user()
        twin = UserAggregate.register(uuid=user.uuid, now=NOW, email=Email("other@example.com"))

        assert user == twin
        assert user != a_user()
        assert len({user, twin}) == 1
