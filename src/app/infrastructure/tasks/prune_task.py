from src.app.application.container import Container
from src.app.infrastructure.messaging.inbox import prune_inbox
from src.app.infrastructure.persistence.idempotency import prune_idempotency_keys
from src.app.infrastructure.tasks.base import application, task


@task("prune")
async def prune(_: Container) -> int:
    """Forget what nobody will ask for again; the schedule runs it each hour."""
    database = application().process.database
    return await prune_inbox(database) + await prune_idempotency_keys(database)
