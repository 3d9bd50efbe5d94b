"""Text from outside: which can be stored, what becomes of text that cannot, and which is a UUID."""

import re
from uuid import UUID

STORABLE = r"^[^\u0000]*$"
"""`is_storable` as documents say it; a lone surrogate has no form in UTF-8 JSON that they could forbid."""
FILLED = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
"""The same of text that is more than space."""

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_UUID = re.compile(r"[0-9a-fA-F]{8}(-?)[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{4}\1[0-9a-fA-F]{12}")


def is_storable(text: str) -> bool:
    """Tell whether PostgreSQL stores it: no NUL, and no lone surrogate (RFC 3629 section 3)."""
    return "\x00" not in text and (text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text))


def storable(text: str) -> str:
    """Return the text with what cannot be stored replaced."""
    return text.replace("\x00", _REPLACEMENT).encode(errors="replace").decode()


def parsed_uuid(text: str) -> UUID:
    """Return the UUID that the text is, with its hyphens or without (RFC 9562 section 4).

    `UUID` itself also takes signs, spaces, underscores and the digits of other alphabets.

    Raises:
        ValueError: it is none.
    """
    if not _UUID.fullmatch(text):
        raise ValueError("not a UUID")
    return UUID(text)
