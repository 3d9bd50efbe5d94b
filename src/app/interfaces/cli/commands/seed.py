import asyncio

from src.app.application.dto.fields import parse_email
from src.app.config.settings import Settings
from src.app.domain.users.value_objects.users_vob import FullName
from src.app.infrastructure.bootstrap import bootstrap
from src.app.interfaces.cli.process import run


def seed() -> None:
    """Make what a new installation needs; running it again changes nothing."""
    run(_seed)


async def _seed(settings: Settings, _: asyncio.Event) -> None:
    async with bootstrap(settings, name="seed") as process:
        if settings.SUPERADMIN_PASSWORD is None:
            return
        await process.container.users_service.ensure_superadmin(
            email=parse_email(settings.SUPERADMIN_EMAIL),
            password=settings.SUPERADMIN_PASSWORD.get_secret_value(),
            name=FullName(settings.SUPERADMIN_FIRST_NAME, settings.SUPERADMIN_LAST_NAME),
        )
