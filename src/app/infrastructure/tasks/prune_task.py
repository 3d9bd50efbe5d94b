from src.app.application.container import Container
from src.app.infrastructure.tasks.base import application, task
from src.app.infrastructure.messaging.inbox import prune_inbox


@task("prune")
async def prune(container: Container) -> int:
    """Forget what nobody will ask for again; the schedule runs it each hour."""
    return await prune_inbox(application().process.database)
