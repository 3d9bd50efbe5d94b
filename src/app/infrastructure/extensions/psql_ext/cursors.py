"""Where a page ended, as text that only this service can read and nobody can change.

AES-SIV (RFC 5297): what the text says stays inside, a changed one does not open, and the same
position gives the same text, so that answers can be compared and cached.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from src.app.domain.common.exceptions import ValidationError

MAX_LENGTH = 4096


class Cursors:
    """Seals positions with a key derived from the service's secret."""

    def __init__(self, secret: str) -> None:
        self._cipher = AESSIV(hmac.digest(secret.encode(), b"allium cursors 1", hashlib.sha512))

    def seal(self, position: list[Any], *, about: str) -> str | None:
        """Return the text for a position in the list that `about` describes; None if it would be too long."""
        text = _text(
            self._cipher.encrypt(
                orjson.dumps(position, default=str, option=orjson.OPT_PASSTHROUGH_DATETIME), [about.encode()]
            )
        )
        return text if len(text) <= MAX_LENGTH else None

    def open(self, text: str, *, about: str) -> list[Any]:
        """Return the position; times, uuids and decimals in it are text.

        Raises:
            ValidationError: we did not make this, or for another list or order.
        """
        try:
            sealed = urlsafe_b64decode(text[:MAX_LENGTH].encode() + b"=" * (-len(text) % 4))
            # Base64 can be written in several ways, and we write it in one.
            if _text(sealed) != text:
                raise ValueError("not as we write it")
            position: list[Any] = orjson.loads(self._cipher.decrypt(sealed, [about.encode()]))
        except (ValueError, TypeError, AttributeError, InvalidTag):
            raise no_cursor() from None
        return position


def no_cursor() -> ValidationError:
    return ValidationError(
        "The cursor is none that this list gave in this order; begin again without one", field="cursor"
    )


def _text(sealed: bytes) -> str:
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()
