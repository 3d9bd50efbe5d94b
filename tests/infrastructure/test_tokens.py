"""python-jose behind its port: what it would let through on its own stays outside."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jose import jws, jwt

from src.app.domain.auth.exceptions import TokenInvalidError
from src.app.infrastructure.providers.jose_tokens import JoseTokenSigner

SECRET = "a secret of the tests, thirty-two bytes or more"
SIGNER = JoseTokenSigner(SECRET)
CLAIMS = {"sub": "somebody", "exp": 1}


def part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def with_header(**header: Any) -> str:
    return str(jws.sign(CLAIMS, SECRET, headers=header, algorithm="HS256"))


class TestOpen:
    def test_what_we_signed_opens(self) -> None:
        assert SIGNER.open(SIGNER.sign(CLAIMS)) == CLAIMS

    @given(st.text())
    def test_no_text_is_a_token(self, text: str) -> None:
        with pytest.raises(TokenInvalidError):
            SIGNER.open(text)

    @given(st.integers(0, 150), st.characters(codec="ascii"))
    def test_one_changed_character_is_too_many(self, place: int, character: str) -> None:
        token = SIGNER.sign(CLAIMS)
        place %= len(token)
        changed = token[:place] + character + token[place + 1 :]

        if changed != token:
            with pytest.raises(TokenInvalidError):
                SIGNER.open(changed)

    @pytest.mark.parametrize("junk", ["=", "==", ".", "A", " ", "\n", "!", "%3D"])
    def test_a_second_spelling_is_none(self, junk: str) -> None:
        with pytest.raises(TokenInvalidError):
            SIGNER.open(SIGNER.sign(CLAIMS) + junk)

    @pytest.mark.parametrize(
        "token",
        [
            with_header(crit=["exp"], exp=1),
            with_header(kid="../../key"),
            with_header(typ="at+jwt"),
            jwt.encode(CLAIMS, SECRET, algorithm="HS384"),
            jwt.encode(CLAIMS, "another secret of thirty-two bytes or more", algorithm="HS256"),
            part(b'{"alg":"none"}') + f".{part(json.dumps(CLAIMS).encode())}.",
            f"{part(b'[' * 1100 + b']' * 1100)}.e30.AAAA",
            f"{SIGNER.sign({}).partition('.')[0]}.{'A' * 5000}.AAAA",
            jws.sign(b"[1, 2]", SECRET, algorithm="HS256"),
            jws.sign(b"not json", SECRET, algorithm="HS256"),
        ],
    )
    def test_what_python_jose_would_take_or_die_of_is_refused(self, token: str) -> None:
        with pytest.raises(TokenInvalidError):
            SIGNER.open(token)


class TestDerive:
    def test_the_same_text_gives_the_same_identifier(self) -> None:
        assert SIGNER.derive("a") == SIGNER.derive("a")
        assert SIGNER.derive("a") != SIGNER.derive("b")
        assert SIGNER.derive("a") != JoseTokenSigner(SECRET + "x").derive("a")
