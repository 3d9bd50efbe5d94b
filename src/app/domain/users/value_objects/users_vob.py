import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Self

from src.app.domain.common.contact import Email
from src.app.domain.common.exceptions import ValidationError

MIN_NAME_LENGTH, MAX_NAME_LENGTH = 2, 50
_NAME_PUNCTUATION = frozenset(" -'’")


@dataclass(frozen=True, slots=True)
class FullName:
    """First and last name, either of which may be missing: letters of any script, 2 to 50 in all."""

    first: str | None = None
    last: str | None = None

    def __post_init__(self) -> None:
        for field, part in (("first_name", self.first), ("last_name", self.last)):
            if part is not None and (not part.strip() or not all(map(_belongs_to_a_name, part))):
                raise ValidationError("A name is made of letters, spaces, hyphens and apostrophes", field=field)
        if str(self) and not MIN_NAME_LENGTH <= len(str(self)) <= MAX_NAME_LENGTH:
            raise ValidationError(
                f"A full name has {MIN_NAME_LENGTH} to {MAX_NAME_LENGTH} characters", field="full_name"
            )

    @classmethod
    def split(cls, full_name: str) -> Self:
        """Take what stands before the first space as the first name, the rest as the last."""
        first, _, last = full_name.strip().partition(" ")
        return cls(first or None, last.strip() or None)

    def __str__(self) -> str:
        return " ".join(part for part in (self.first, self.last) if part)


@dataclass(frozen=True, slots=True)
class Birthday:
    value: date

    def age(self, *, on: date) -> int:
        """Return the completed years; who was born on 29 February completes them on 1 March."""
        return on.year - self.value.year - ((on.month, on.day) < (self.value.month, self.value.day))


@dataclass(frozen=True, slots=True)
class EmailPasswordPair:
    """What a person signs in with."""

    email: Email
    password: str

    def __repr__(self) -> str:
        return f"EmailPasswordPair(email={self.email!r})"


def _belongs_to_a_name(character: str) -> bool:
    return character in _NAME_PUNCTUATION or unicodedata.category(character)[0] in "LM"
