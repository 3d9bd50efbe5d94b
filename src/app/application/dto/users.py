from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import ConfigDict, StrictBool, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from src.app.application.common.dto import Command, Line
from src.app.application.common.lists import DATES, EXACT, JSON, MOMENTS, TEXT, Field, FilterSet
from src.app.application.common.merge import merged
from src.app.application.dto.fields import (
    Day,
    EmailAddress,
    JSONObject,
    NameLine,
    NewPassword,
    PhoneNumber,
    example,
)
from src.app.domain.users.aggregates.user_agg import UserAggregate
from src.app.domain.users.value_objects.users_vob import FullName


@dataclass(slots=True)
class UserDTO:
    """A user as they and the administrators see them."""

    id: Annotated[int, example(1)]
    uuid: UUID
    email: Annotated[str | None, example("ada@example.com")]
    phone: Annotated[str | None, example("+442079460958")]
    first_name: Annotated[str | None, example("Ada")]
    last_name: Annotated[str | None, example("Lovelace")]
    full_name: Annotated[str | None, example("Ada Lovelace")]
    birthday: Annotated[date | None, example("1990-12-10")]
    avatar_url: Annotated[str | None, example("https://example.com/ada.png")]
    is_active: bool
    is_guest: Annotated[bool, example(False)]
    is_verified: bool
    is_superuser: Annotated[bool, example(False)]
    street: Annotated[str | None, example("12 St James's Square")]
    city: Annotated[str | None, example("London")]
    state: Annotated[str | None, example("England")]
    zip_code: Annotated[str | None, example("SW1Y 4JH")]
    country: Annotated[str | None, example("GB")]
    meta: Annotated[dict[str, Any], example({"theme": "dark"})]
    version: Annotated[int, example(3)]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, user: UserAggregate) -> Self:
        """Show a stored user; one that was never saved has no `id` yet and cannot be shown."""
        if user.id is None:
            raise ValueError("the user has not been saved")
        return cls(
            id=user.id,
            uuid=user.uuid,
            email=str(user.email) if user.email else None,
            phone=str(user.phone) if user.phone else None,
            first_name=user.name.first,
            last_name=user.name.last,
            full_name=str(user.name) or None,
            birthday=user.birthday,
            avatar_url=user.photo,
            is_active=user.is_active,
            is_guest=user.is_guest,
            is_verified=user.is_verified,
            is_superuser=user.is_superuser,
            street=user.street,
            city=user.city,
            state=user.state,
            zip_code=user.zip_code,
            country=user.country,
            meta=user.meta,
            version=user.version,
            created_at=user.created_at,
            updated_at=user.updated_at,
        )


USERS = FilterSet(
    UserDTO,
    {
        "id": Field(),
        "uuid": Field(lookups=EXACT, is_sortable=True),
        "email": Field(lookups=TEXT, is_sortable=True),
        "phone": Field(lookups=TEXT),
        "first_name": Field(lookups=TEXT, is_sortable=True),
        "last_name": Field(lookups=TEXT, is_sortable=True),
        "full_name": Field(lookups=(*TEXT, "search"), is_sortable=True),
        "birthday": Field(lookups=DATES, is_sortable=True),
        "avatar_url": Field(column="photo"),
        "is_active": Field(lookups=EXACT),
        "is_guest": Field(lookups=EXACT),
        "is_verified": Field(lookups=EXACT),
        "is_superuser": Field(lookups=EXACT),
        "street": Field(),
        "city": Field(lookups=TEXT, is_sortable=True),
        "state": Field(),
        "zip_code": Field(),
        "country": Field(lookups=TEXT, is_sortable=True),
        "meta": Field(lookups=JSON, is_sortable=True),
        "version": Field(),
        "created_at": Field(lookups=MOMENTS, is_sortable=True),
        "updated_at": Field(lookups=MOMENTS, is_sortable=True),
    },
    sort=("-created_at",),
)
"""What may be asked of a list of users."""


# Said in the document as it is checked below.
_NAMED_ONCE: JsonDict = {
    "not": {
        "required": ["full_name"],
        "properties": {"full_name": {"type": "string"}},
        "anyOf": [
            {"required": [name], "properties": {name: {"type": "string"}}} for name in ("first_name", "last_name")
        ],
    }
}


class Profile(Command):
    """What a person says of themselves. A client may send `full_name` in place of the two names."""

    model_config = ConfigDict(
        json_schema_extra={
            **_NAMED_ONCE,
            "examples": [{"full_name": "Ada Lovelace", "birthday": "1990-12-10", "meta": {"theme": "dark"}}],
        }
    )

    phone: PhoneNumber | None = None
    first_name: NameLine | None = None
    last_name: NameLine | None = None
    full_name: NameLine | None = None
    birthday: Day | None = None
    street: Line | None = None
    city: Line | None = None
    state: Line | None = None
    zip_code: Line | None = None
    country: Line | None = None
    meta: JSONObject = {}

    @model_validator(mode="after")
    def _names_the_name_once(self) -> Self:
        if self.full_name is not None and (self.first_name is not None or self.last_name is not None):
            raise PydanticCustomError("name_given_twice", "Give full_name, or first_name and last_name")
        return self

    def values(self, *, over: UserAggregate | None = None) -> dict[str, Any]:
        """Return what the client sent, as the aggregate names it; a name and `meta` change those of `over`."""
        values = self._named(self.model_fields_set, over.name if over else FullName())
        if over is not None and "meta" in values:
            values["meta"] = merged(over.meta, values["meta"])
        return values

    def all_values(self) -> dict[str, Any]:
        """Return the whole profile, as the aggregate names it: what the client did not send is absent."""
        return self._named(Profile.model_fields.keys(), FullName())

    def _named(self, fields: Collection[str], old: FullName) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in Profile.model_fields if name in fields}
        names = {part: values.pop(part) for part in ("first_name", "last_name", "full_name") if part in values}
        if names.get("full_name"):
            values["name"] = FullName.split(names["full_name"])
        elif names.keys() == {"full_name"}:
            values["name"] = FullName()
        elif names:
            values["name"] = FullName(
                names.get("first_name", old.first) or None, names.get("last_name", old.last) or None
            )
        return values


class NewUser(Profile):
    """A user to be made; without a password they cannot sign in with one."""

    model_config = ConfigDict(
        json_schema_extra={
            **_NAMED_ONCE,
            "examples": [
                {"email": "ada@example.com", "password": "a good long phrase", "full_name": "Ada Lovelace"}
            ],
        }
    )

    email: EmailAddress
    password: NewPassword | None = None


class SignUp(NewUser):
    """Who signs up chooses a password; with `issue_tokens` they are signed in at once."""

    password: NewPassword
    issue_tokens: StrictBool = False
