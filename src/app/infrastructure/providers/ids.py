from uuid import UUID

from uuid_utils.compat import uuid7


def new_uuid() -> UUID:
    """Return a new UUIDv7 (RFC 9562)."""
    return uuid7()


class UUIDv7Ids:
    def new(self) -> UUID:
        return new_uuid()
