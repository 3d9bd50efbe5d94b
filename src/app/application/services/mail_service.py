from uuid import UUID

from src.app.application.common.raises import raises
from src.app.application.ports.mailer import Mail, Mailer
from src.app.application.services.users_service import UserReader
from src.app.domain.common.exceptions import ExternalServiceError, NotFoundError


class AppMailService:
    """The mails that follow from what happened."""

    def __init__(self, *, users: UserReader, mailer: Mailer, project_name: str) -> None:
        self._users = users
        self._mailer = mailer
        self._project_name = project_name

    @raises(NotFoundError, ExternalServiceError)
    async def send_welcome(self, user_uuid: UUID) -> None:
        """Greet a new user; who gave no e-mail address gets none."""
        user = await self._users.get_user(user_uuid)
        if user.email is None:
            return
        name = user.full_name or "there"
        await self._mailer.send(
            Mail(
                to=user.email,
                subject=f"Welcome to {self._project_name}",
                text=f"Hello {name},\n\nyour account at {self._project_name} is ready.\n",
            )
        )
