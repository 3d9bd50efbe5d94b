from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from src.app.application.dto.users import NewUser, SignUp
from src.app.domain.common.contact import Email
from src.app.domain.users.aggregates.user_agg import UserAggregate
from src.app.domain.users.value_objects.users_vob import FullName

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSWORD = "a good long phrase"


def an_email() -> str:
    return f"{uuid4().hex[:12]}@example.com"


def a_user(**changes: Any) -> UserAggregate:
    """Return a registered user whose events were already taken."""
    values = {"email": Email(an_email()), "name": FullName("Ada", "Lovelace"), **changes}
    user = UserAggregate.register(uuid=uuid4(), now=NOW, **values)
    user.pull_events()
    return user


def a_sign_up(**changes: Any) -> SignUp:
    return SignUp.model_validate({"email": an_email(), "password": PASSWORD, **changes})


def a_new_user(**changes: Any) -> NewUser:
    return NewUser.model_validate({"email": an_email(), **changes})
