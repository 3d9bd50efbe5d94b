from src.app.domain.common.exceptions import AuthenticationError


class InvalidCredentialsError(AuthenticationError):
    code = "INVALID_CREDENTIALS"
    default_message = "Email or password is incorrect"


class TokenInvalidError(AuthenticationError):
    code = "TOKEN_INVALID"
    default_message = "The token is not valid here"


class TokenExpiredError(AuthenticationError):
    code = "TOKEN_EXPIRED"
    default_message = "The token has expired"


class TokenRevokedError(AuthenticationError):
    code = "TOKEN_REVOKED"
    default_message = "The session of this token has ended"
