from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from src.app.application.common.dto import Command
from src.app.application.dto.fields import AccessJWT, EmailAddress, Password, PhoneNumber, RefreshJWT, example
from src.app.application.dto.users import UserDTO
from src.app.domain.auth.value_objects.jwt_vob import TokenPair
from src.app.domain.common.contact import Email, Phone


@dataclass(frozen=True, slots=True)
class Device:
    """Where a sign-in comes from, for the person to recognise it."""

    address: str | None = None
    user_agent: str | None = None


_NAMES: list[JsonValue] = ["email", "phone"]


class SignIn(Command):
    """The e-mail address or the phone number, and the password."""

    model_config = ConfigDict(
        json_schema_extra={
            # As it is checked below: neither both nor none.
            "not": {
                "anyOf": [
                    {"required": _NAMES, "properties": {str(name): {"type": "string"} for name in _NAMES}},
                    {"properties": {str(name): {"type": "null"} for name in _NAMES}},
                ]
            },
            "examples": [{"email": "ada@example.com", "password": "a good long phrase"}],
        }
    )

    email: EmailAddress | None = None
    phone: PhoneNumber | None = None
    password: Password

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.email is None) == (self.phone is None):
            raise PydanticCustomError("one_of", "Give either email or phone")
        return self

    @property
    def who(self) -> Email | Phone:
        who = self.email or self.phone
        assert who is not None  # noqa: S101  the validator above has seen to it
        return who


@dataclass(slots=True)
class UserReference:
    uuid: UUID


@dataclass(slots=True, kw_only=True)
class TokensDTO:
    """A pair of tokens for a user; `expires_in` is the life of `access` in seconds."""

    user_data: UserReference
    access: AccessJWT
    refresh: RefreshJWT
    token_type: str = "Bearer"
    expires_in: Annotated[int, example(300)]

    @classmethod
    def of(cls, user_uuid: UUID, pair: TokenPair) -> Self:
        return cls(
            user_data=UserReference(user_uuid),
            access=pair.access,
            refresh=pair.refresh,
            expires_in=pair.expires_in,
        )


@dataclass(slots=True, kw_only=True)
class SignedUpDTO:
    """A new user who is signed in at once."""

    user: UserDTO
    access: AccessJWT
    refresh: RefreshJWT
    token_type: str = "Bearer"
    expires_in: Annotated[int, example(300)]


@dataclass(slots=True, kw_only=True)
class VerifiedTokenDTO:
    """What another service learns of an access token that it was shown."""

    user_uuid: UUID
    session_id: UUID
    expires_at: datetime
