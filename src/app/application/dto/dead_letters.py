from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from src.app.application.common.lists import EXACT, MOMENTS, RANGE, TEXT, Field, FilterSet


@dataclass(slots=True, kw_only=True)
class DeadLetterDTO:
    """A message that waits: `dead` for a person, `waiting` for its time, `behind` for another of its key.

    `body` and `headers` are as they came; `attempts` are the deliveries so far.
    """

    uuid: UUID
    queue: str
    key: str
    state: str
    message_id: str
    event: str | None
    reason: str
    error: str
    attempts: int
    first_seen: datetime
    available_at: datetime
    created_at: datetime
    headers: dict[str, Any]
    body: bytes


DEAD_LETTERS = FilterSet(
    DeadLetterDTO,
    {
        "uuid": Field(lookups=EXACT),
        "queue": Field(lookups=TEXT),
        "key": Field(lookups=TEXT, is_sortable=True),
        "state": Field(lookups=EXACT),
        "message_id": Field(lookups=TEXT),
        "event": Field(lookups=TEXT, is_sortable=True),
        "reason": Field(lookups=TEXT, is_sortable=True),
        "error": Field(lookups=TEXT),
        "attempts": Field(lookups=RANGE, is_sortable=True),
        "first_seen": Field(lookups=MOMENTS, is_sortable=True),
        "available_at": Field(lookups=MOMENTS),
        "created_at": Field(lookups=MOMENTS, is_sortable=True),
    },
    sort=("created_at",),
)
"""What may be asked of a list of dead letters; their bodies are shown one by one."""
