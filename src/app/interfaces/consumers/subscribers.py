"""What our own contexts do when something happened; `application/subscriptions.py` says who hears of what."""

from collections.abc import Mapping

from src.app.application.container import Container
from src.app.application.ports.messages import Happened, Subscriber


def subscribers_of(container: Container) -> Mapping[str, Subscriber]:
    """Return what each subscriber does, by its name."""

    async def end_sessions(event: Happened) -> None:
        await container.auth_service.end_sessions(event.aggregate_uuid)

    async def welcome_mail(event: Happened) -> None:
        await container.tasks.enqueue(
            "send_welcome_mail", key=str(event.uuid), user_uuid=str(event.aggregate_uuid)
        )

    return {"end_sessions": end_sessions, "welcome_mail": welcome_mail}
