from src.app.domain.common.exceptions import AuthenticationError


def bearer_token_of(authorization: str) -> str:
    """Return the token of an `Authorization: Bearer …`, in a header or in metadata (RFC 6750).

    Raises:
        AuthenticationError: there is none.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise AuthenticationError
    return token.strip()
