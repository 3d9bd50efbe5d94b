"""How a person is reached. Users, identity and notifications all speak of it."""

import re
from dataclasses import dataclass

from src.app.domain.common.exceptions import ValidationError

# Not the grammar of RFC 5322: parsing is done at the edge, this keeps what is impossible out.
_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f]+\.[^\s@\x00-\x1f\x7f]+")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
MAX_EMAIL_LENGTH = 254  # RFC 5321 section 4.5.3.1.3, less the angle brackets


@dataclass(frozen=True, slots=True)
class Email:
    """An address in the form in which it is compared and stored: normalised, lower case."""

    value: str

    def __post_init__(self) -> None:
        if (
            len(self.value) > MAX_EMAIL_LENGTH
            or not _EMAIL.fullmatch(self.value)
            or self.value != self.value.lower()
        ):
            raise ValidationError("This is not a normalised e-mail address", field="email")

    def domain(self) -> str:
        return self.value.rpartition("@")[2]

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class Phone:
    """A number in E.164: a plus, the country code, at most 15 digits."""

    value: str

    def __post_init__(self) -> None:
        if not _E164.fullmatch(self.value):
            raise ValidationError("This is not a phone number in E.164 form", field="phone")

    def __str__(self) -> str:
        return self.value
