from typing import Annotated

from src.app.application.common.dto import Command
from src.app.application.dto.fields import example


class RefreshToken(Command):
    """The refresh token in the body, for clients that do not send it as `Authorization: Bearer …`."""

    refresh_token: Annotated[str, example("eyJhbGciOiJIUzI1NiJ9.eyJ0eXAiOiJyZWZyZXNoIn0.c2lnbmVk")]
