"""What producers put on the queue: `{"event": name, "data": {…}}`, perhaps with more about itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from src.app.domain.common.exceptions import ValidationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A message taken apart. `id` is the producer's own name for it, or empty."""

    event: str
    data: Mapping[str, Any]
    id: str = ""
    request_id: str = ""


def parse(body: bytes) -> Envelope:
    """Take a message apart.

    Raises:
        ValidationError: it is not JSON, or not of this form.
    """
    try:
        content = orjson.loads(body)
    except ValueError as error:
        raise ValidationError("The message is not JSON") from error
    if not isinstance(content, dict) or not isinstance(content.get("event"), str):
        raise ValidationError('The message is not of the form {"event": name, "data": {…}}')
    data = content.get("data", {})
    if not isinstance(data, dict):
        raise ValidationError("The message's data is not an object", field="data")
    return Envelope(
        event=content["event"],
        data=data,
        id=str(content.get("id") or ""),
        request_id=str(content.get("request_id") or ""),
    )
