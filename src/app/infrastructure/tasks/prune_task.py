from src.app.application.container import Container
from src.app.infrastructure.messaging.inbox import prune_inbox
from src.app.infrastructure.tasks.base import application, task


@task("prune")
async def prune(_: Container) -> int:
    """Forget what nobody will ask for again; the schedule runs it each hour."""
    return await prune_inbox(application().process.database)
