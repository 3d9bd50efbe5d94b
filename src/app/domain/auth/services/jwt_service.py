from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from src.app.domain.auth.exceptions import TokenExpiredError, TokenInvalidError
from src.app.domain.auth.value_objects.jwt_vob import DecodedToken, TokenType

CLOCK_SKEW = timedelta(seconds=30)

Claims = dict[str, Any]


class DomainJWTService:
    """What the claims of our tokens are, and which claims we believe (RFC 7519, RFC 8725).

    Signing is somebody else's: this takes and gives claims only. Each type of token has an
    audience of its own, so that one is never taken for the other.
    """

    def __init__(self, *, issuer: str, audience: str, access_ttl: timedelta, refresh_ttl: timedelta) -> None:
        self._issuer = issuer
        self._audience = {TokenType.ACCESS: audience, TokenType.REFRESH: f"{audience}/refresh"}
        self._ttl = {TokenType.ACCESS: access_ttl, TokenType.REFRESH: refresh_ttl}

    def lifetime(self, type_: TokenType) -> timedelta:
        return self._ttl[type_]

    def access_claims(self, *, user_uuid: UUID, session_id: UUID, jti: UUID, now: datetime) -> Claims:
        return self._claims(TokenType.ACCESS, user_uuid, str(session_id), str(jti), now)

    def refresh_claims(self, *, user_uuid: UUID, session_id: UUID, refresh_id: UUID, now: datetime) -> Claims:
        """The `sid` names the token itself and, after the `#`, the session it keeps alive."""
        return self._claims(TokenType.REFRESH, user_uuid, f"{refresh_id}#{session_id}", str(refresh_id), now)

    def read(self, claims: Mapping[str, Any], *, expected: TokenType, now: datetime) -> DecodedToken:
        """Check every claim of a token whose signature is good.

        Raises:
            TokenExpiredError: it was good, and its time is over.
            TokenInvalidError: it is another type, from or for somebody else, or not yet valid.
        """
        try:
            issued_at, not_before, expires_at = (_moment(claims[name]) for name in ("iat", "nbf", "exp"))
            refresh_id, _, session_id = str(claims["user"]["sid"]).rpartition("#")
            token = DecodedToken(
                type=TokenType(claims["type"]),
                user_uuid=UUID(claims["user"]["uuid"]),
                session_id=UUID(session_id),
                jti=str(UUID(claims["jti"])),
                issued_at=issued_at,
                expires_at=expires_at,
            )
            believable = (
                token.type is expected
                and claims["iss"] == self._issuer
                and claims["aud"] == self._audience[expected]
                and claims["sub"] == str(token.user_uuid)
                and refresh_id == (token.jti if expected is TokenType.REFRESH else "")
                and max(issued_at, not_before) <= now + CLOCK_SKEW
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError) as error:
            raise TokenInvalidError from error
        if not believable:
            raise TokenInvalidError
        if expires_at <= now:
            raise TokenExpiredError
        return token

    def _claims(self, type_: TokenType, user_uuid: UUID, sid: str, jti: str, now: datetime) -> Claims:
        issued_at = int(now.timestamp())
        return {
            "user": {"uuid": str(user_uuid), "sid": sid},
            "type": type_.value,
            "sub": str(user_uuid),
            "iss": self._issuer,
            "aud": self._audience[type_],
            "iat": issued_at,
            "nbf": issued_at,
            "exp": issued_at + int(self._ttl[type_].total_seconds()),
            "jti": jti,
        }


def _moment(value: object) -> datetime:
    # A bool is an int, and a float may be NaN: neither is a NumericDate that we ever issue.
    if type(value) is not int:
        raise TypeError("not a NumericDate in whole seconds")
    return datetime.fromtimestamp(value, UTC)
