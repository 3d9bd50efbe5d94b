from src.app.application.common.dto import Command
from src.app.application.dto.fields import RefreshJWT


class RefreshToken(Command):
    """The refresh token in the body, for clients that do not send it as `Authorization: Bearer …`."""

    refresh_token: RefreshJWT
