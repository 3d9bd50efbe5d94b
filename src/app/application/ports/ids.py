from typing import Protocol
from uuid import UUID


class Ids(Protocol):
    def new(self) -> UUID:
        """Return a new UUIDv7 (RFC 9562): unique, and later ones sort later."""
