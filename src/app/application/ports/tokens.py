from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID


class TokenSigner(Protocol):
    """Signs claims and opens what it signed. What the claims mean is the domain's."""

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return the claims as a signed JWT in compact form (RFC 7519)."""

    def open(self, token: str) -> dict[str, Any]:
        """Return the claims of a token that we signed; whether they still hold is not looked at.

        Raises:
            TokenInvalidError: whatever is wrong with it.
        """

    def derive(self, text: str) -> UUID:
        """Return the one identifier that only we can make from `text`, always the same."""
