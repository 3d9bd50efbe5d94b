from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints
from pydantic_core import PydanticCustomError


class Command(BaseModel):
    """What a caller asks for. Unknown fields are refused, so that nothing is set by accident."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


class Payload(BaseModel):
    """What a producer's message says. Unknown fields are ignored: producers move ahead of us."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


def _storable(text: str) -> str:
    # PostgreSQL stores no NUL, and UTF-8 knows no lone surrogate (RFC 3629 section 3).
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise PydanticCustomError("unstorable_text", "Text must not contain NUL or lone surrogates")
    return text


Line = Annotated[str, StringConstraints(max_length=255, strip_whitespace=True), AfterValidator(_storable)]
