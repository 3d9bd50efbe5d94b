from typing import Protocol
from uuid import UUID


class Revocations(Protocol):
    """The sessions that ended while an access token of theirs may still be alive."""

    def __contains__(self, session_id: UUID) -> bool: ...
