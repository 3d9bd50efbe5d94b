from uuid import UUID

from src.app.application.container import Container
from src.app.infrastructure.tasks.base import task


@task("send_welcome_mail")
async def send_welcome_mail(container: Container, user_uuid: str) -> None:
    await container.mail_service.send_welcome(UUID(user_uuid))
