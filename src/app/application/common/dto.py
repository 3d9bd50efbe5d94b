from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from src.app.application.common.text import FILLED, STORABLE, is_storable


class Command(BaseModel):
    """What a caller asks for. Unknown fields are refused, so that nothing is set by accident."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


class Payload(BaseModel):
    """What a producer's message says. Unknown fields are ignored: producers move ahead of us."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


def _storable(text: str) -> str:
    if not is_storable(text):
        raise PydanticCustomError("unstorable_text", "Text must not contain NUL or lone surrogates")
    return text


MAX_LINE_LENGTH = 255
MAX_TEXT_LENGTH = 10_000
Line = Annotated[
    str,
    StringConstraints(max_length=MAX_LINE_LENGTH, strip_whitespace=True),
    AfterValidator(_storable),
    Field(json_schema_extra={"pattern": STORABLE}),
]
FilledLine = Annotated[Line, StringConstraints(min_length=1), Field(json_schema_extra={"pattern": FILLED})]
"""A line that says something; spaces around it are not of it."""
Text = Annotated[
    str,
    StringConstraints(max_length=MAX_TEXT_LENGTH),
    AfterValidator(_storable),
    Field(json_schema_extra={"pattern": STORABLE}),
]
