from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.app.domain.auth.exceptions import TokenExpiredError, TokenInvalidError
from src.app.domain.auth.services.jwt_service import CLOCK_SKEW, DomainJWTService
from src.app.domain.auth.value_objects.jwt_vob import TokenType
from src.app.domain.common.exceptions import AuthenticationError
from tests.builders.users import NOW

RULES = DomainJWTService(
    issuer="allium", audience="allium", access_ttl=timedelta(minutes=5), refresh_ttl=timedelta(days=5)
)
USER, SESSION, JTI = uuid4(), uuid4(), uuid4()


def access_claims() -> dict[str, Any]:
    return RULES.access_claims(user_uuid=USER, session_id=SESSION, jti=JTI, now=NOW)


def refresh_claims() -> dict[str, Any]:
    return RULES.refresh_claims(user_uuid=USER, session_id=SESSION, refresh_id=JTI, now=NOW)


class TestClaims:
    def test_an_access_token_names_the_user_and_the_session(self) -> None:
        claims = access_claims()

        assert claims["user"] == {"uuid": str(USER), "sid": str(SESSION)}
        assert claims["type"] == "access"
        assert claims["exp"] - claims["iat"] == 300
        assert claims.keys() == {"user", "type", "sub", "iss", "aud", "iat", "nbf", "exp", "jti"}

    def test_a_refresh_token_names_itself_and_the_session(self) -> None:
        assert refresh_claims()["user"]["sid"] == f"{JTI}#{SESSION}"


class TestRead:
    def test_our_own_tokens_are_believed(self) -> None:
        token = RULES.read(refresh_claims(), expected=TokenType.REFRESH, now=NOW)

        assert (token.user_uuid, token.session_id, token.jti) == (USER, SESSION, str(JTI))
        assert token.expires_at == NOW + timedelta(days=5)

    def test_one_type_is_never_taken_for_the_other(self) -> None:
        with pytest.raises(TokenInvalidError):
            RULES.read(refresh_claims(), expected=TokenType.ACCESS, now=NOW)
        with pytest.raises(TokenInvalidError):
            RULES.read(refresh_claims() | {"type": "access"}, expected=TokenType.ACCESS, now=NOW)

    def test_it_ends_on_the_second(self) -> None:
        claims = access_claims()
        RULES.read(claims, expected=TokenType.ACCESS, now=NOW + timedelta(minutes=4, seconds=59))

        with pytest.raises(TokenExpiredError):
            RULES.read(claims, expected=TokenType.ACCESS, now=NOW + timedelta(minutes=5))

    def test_clocks_may_differ_by_half_a_minute(self) -> None:
        RULES.read(access_claims(), expected=TokenType.ACCESS, now=NOW - CLOCK_SKEW)

        with pytest.raises(TokenInvalidError):
            RULES.read(access_claims(), expected=TokenType.ACCESS, now=NOW - CLOCK_SKEW - timedelta(seconds=1))

    @pytest.mark.parametrize("name", ["user", "type", "sub", "iss", "aud", "iat", "nbf", "exp", "jti"])
    def test_every_claim_is_required(self, name: str) -> None:
        claims = access_claims()
        del claims[name]

        with pytest.raises(TokenInvalidError):
            RULES.read(claims, expected=TokenType.ACCESS, now=NOW)

    @pytest.mark.parametrize(
        "change",
        [
            {"iss": "somebody"},
            {"aud": ["allium"]},
            {"aud": "other"},
            {"sub": str(uuid4())},
            {"exp": float("inf")},
            {"exp": True},
            {"exp": 10**30},
            {"iat": "now"},
            {"jti": "1"},
            {"user": None},
            {"user": {"uuid": str(USER)}},
            {"user": {"uuid": str(USER), "sid": f"{JTI}#{SESSION}"}},
        ],
    )
    def test_a_wrong_claim_is_not_believed(self, change: dict[str, Any]) -> None:
        with pytest.raises(TokenInvalidError):
            RULES.read(access_claims() | change, expected=TokenType.ACCESS, now=NOW)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda values: st.lists(values) | st.dictionaries(st.text(), values),
        )
    )
    def test_whatever_stands_in_a_claim_is_refused_in_order(self, value: object) -> None:
        for name in access_claims():
            # A whole number is a moment, and one in the past may be believed.
            is_moment = name in ("iat", "nbf", "exp") and type(value) is int
            refused = suppress(AuthenticationError) if is_moment else pytest.raises(TokenInvalidError)
            with refused:
                RULES.read(access_claims() | {name: value}, expected=TokenType.ACCESS, now=NOW)
