"""Which text can be stored, and what becomes of text that cannot."""

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def is_storable(text: str) -> bool:
    """Tell whether PostgreSQL stores it: no NUL, and no lone surrogate (RFC 3629 section 3)."""
    return "\x00" not in text and (text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text))


def storable(text: str) -> str:
    """Return the text with what cannot be stored replaced."""
    return text.replace("\x00", _REPLACEMENT).encode(errors="replace").decode()
