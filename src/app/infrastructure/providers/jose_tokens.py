"""Tokens by python-jose, which is not to be trusted with input that we did not check first.

On its own it takes unknown `crit` headers, an empty key, junk in the signature, and dies on deep
JSON. What is let through to it is a small token in canonical form with exactly our header.
"""

import base64
import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from jose import jws
from jose.backends import HMACKey
from jose.constants import ALGORITHMS
from jose.exceptions import JOSEError

from src.app.domain.auth.exceptions import TokenInvalidError

MAX_TOKEN_LENGTH = 4096
ALGORITHM = ALGORITHMS.HS256


class JoseTokenSigner:
    """HS256 with the service's secret, and nothing else (RFC 8725 section 3.1)."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._key = HMACKey(self._secret, ALGORITHM)
        # Each token that we made begins with these very characters, so no other header is ever parsed.
        self._header = self.sign({}).partition(".")[0]

    def sign(self, claims: Mapping[str, Any]) -> str:
        return str(jws.sign(dict(claims), self._key, algorithm=ALGORITHM))

    def open(self, token: str) -> dict[str, Any]:
        header, _, rest = token.partition(".")
        payload, _, signature = rest.partition(".")
        if (
            len(token) > MAX_TOKEN_LENGTH
            or header != self._header
            or not (_is_canonical(payload) and _is_canonical(signature))
        ):
            raise TokenInvalidError
        try:
            claims = orjson.loads(jws.verify(token, self._key, algorithms=[ALGORITHM]))
        except (JOSEError, ValueError) as error:
            raise TokenInvalidError from error
        if not isinstance(claims, dict):
            raise TokenInvalidError
        return claims

    def derive(self, text: str) -> UUID:
        digest = hmac.new(self._secret, b"allium/derive/" + text.encode(), sha256).digest()
        return UUID(bytes=digest[:16], version=4)


def _is_canonical(part: str) -> bool:
    # Bits that decoding drops make a second spelling of the same token (RFC 4648 section 3.5).
    try:
        decoded = base64.urlsafe_b64decode(part.encode("ascii") + b"=" * (-len(part) % 4))
    except ValueError:
        return False
    return base64.urlsafe_b64encode(decoded).rstrip(b"=") == part.encode("ascii")
