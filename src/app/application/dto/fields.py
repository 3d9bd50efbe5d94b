"""Types of fields that several commands share: they take text and give the domain's values."""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    SecretStr,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError, to_json

from src.app.application.common.dto import Line
from src.app.application.common.text import STORABLE, is_storable
from src.app.domain.auth.services.auth_service import MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH
from src.app.domain.common.contact import MAX_EMAIL_LENGTH, Email, Phone
from src.app.domain.common.exceptions import ValidationError
from src.app.domain.users.value_objects.users_vob import MAX_NAME_LENGTH, MIN_NAME_LENGTH

MAX_META_BYTES = 16 * 1024
MAX_META_DEPTH = 20  # A protobuf message nests at most 100 deep, and each level of JSON takes three.

_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_email(text: object) -> Email:
    """Return the address normalised: what stands before the `@` too is compared without case."""
    if isinstance(text, Email):
        return text
    # Loaded when the first one comes, as for phones below: every start of every process would be
    # 40 ms longer for them.
    from email_validator import EmailNotValidError, validate_email

    try:
        # Whether the domain takes mail is what the verification mail finds out, not a look-up here.
        parsed = validate_email(
            str(text)[: MAX_EMAIL_LENGTH + 1], check_deliverability=False, globally_deliverable=False
        )
        return Email(parsed.normalized.lower())
    except (EmailNotValidError, ValidationError) as error:
        raise PydanticCustomError("email", "This is not a valid e-mail address") from error


def parse_phone(text: object) -> Phone:
    if isinstance(text, Phone):
        return text
    import phonenumbers

    try:
        number = phonenumbers.parse(str(text)[:32])
    except phonenumbers.NumberParseException as error:
        raise PydanticCustomError("phone", "A phone number starts with + and its country code") from error
    if not phonenumbers.is_valid_number(number):
        raise PydanticCustomError("phone", "This number does not exist in its country")
    return Phone(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _written_as_a_day(value: object) -> object:
    # Pydantic takes numbers too, as seconds since 1970, and moments at midnight.
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise PydanticCustomError("date", "A date is written YYYY-MM-DD")
    if not isinstance(value, (str, date)):
        raise PydanticCustomError("date", "A date is text, written YYYY-MM-DD")
    return value


def _hashable(password: SecretStr) -> SecretStr:
    # bcrypt ends a password at a NUL, and a lone surrogate has no UTF-8 form to be hashed.
    if not is_storable(password.get_secret_value()):
        raise PydanticCustomError("password", "A password must not contain NUL or lone surrogates")
    return password


def _storable_json(value: dict[str, Any]) -> dict[str, Any]:
    try:
        text = to_json(value, inf_nan_mode="strings")
    except ValueError as error:
        raise PydanticCustomError("unstorable_json", "Text must not contain lone surrogates") from error
    if len(text) > MAX_META_BYTES:
        raise PydanticCustomError("too_large", "This may hold {limit} bytes of JSON", {"limit": MAX_META_BYTES})
    if _depth(value) > MAX_META_DEPTH:
        raise PydanticCustomError("too_deep", "This may nest {limit} levels deep", {"limit": MAX_META_DEPTH})
    if b"\\u0000" in text:
        raise PydanticCustomError("unstorable_json", "Text must not contain NUL")
    return value


def _depth(value: Any) -> int:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, children), default=0)


def example(value: object) -> Any:
    """Return what documents show as an example of a field: `Annotated[str, example("Ada")]`."""
    return Field(examples=[value])


_LETTERS = r"[\p{L}\p{M}'’-]"

EmailAddress = Annotated[
    Email,
    PlainValidator(parse_email),
    PlainSerializer(str),
    WithJsonSchema(
        {"type": "string", "format": "email", "maxLength": MAX_EMAIL_LENGTH, "examples": ["ada@example.com"]}
    ),
]
PhoneNumber = Annotated[
    Phone,
    PlainValidator(parse_phone),
    PlainSerializer(str),
    WithJsonSchema(
        {
            "type": "string",
            "format": "phone",
            "description": "With its country code; a number that exists in its country.",
            "examples": ["+442079460958"],
        }
    ),
]
Day = Annotated[date, BeforeValidator(_written_as_a_day)]
NameLine = Annotated[
    Line,
    WithJsonSchema(
        {
            "type": "string",
            "format": "name",
            "pattern": rf"^\s*({_LETTERS}([\p{{L}}\p{{M}} '’-]{{0,{MAX_NAME_LENGTH - 2}}}{_LETTERS})?)?\s*$",
            "description": "Letters of any script, spaces, hyphens, apostrophes;"
            f" a whole name has {MIN_NAME_LENGTH} to {MAX_NAME_LENGTH}.",
        }
    ),
]
MAX_SECRET_LENGTH = 1024
_PASSWORD: dict[str, Any] = {
    "type": "string",
    "format": "password",
    "writeOnly": True,
    "maxLength": MAX_SECRET_LENGTH,
    "pattern": STORABLE,
    "examples": ["a good long phrase"],
}
Password = Annotated[
    SecretStr, Field(max_length=MAX_SECRET_LENGTH), AfterValidator(_hashable), WithJsonSchema(_PASSWORD)
]
NewPassword = Annotated[
    Password,
    WithJsonSchema(
        _PASSWORD
        | {
            "minLength": MIN_PASSWORD_LENGTH,
            "maxLength": MAX_PASSWORD_LENGTH,
            "description": "Neither the e-mail address nor one of the most common passwords.",
        }
    ),
]
AccessJWT = Annotated[str, example("eyJhbGciOiJIUzI1NiJ9.eyJ0eXAiOiJhY2Nlc3MifQ.c2lnbmVk")]
RefreshJWT = Annotated[str, example("eyJhbGciOiJIUzI1NiJ9.eyJ0eXAiOiJyZWZyZXNoIn0.c2lnbmVk")]
JSONObject = Annotated[
    dict[str, Any],
    AfterValidator(_storable_json),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": True,
            "description": f"At most {MAX_META_BYTES} bytes, {MAX_META_DEPTH} levels deep, and no NUL in it.",
            "examples": [{"theme": "dark"}],
        }
    ),
]
