from typing import Any

from celery import Celery, signals

from src.app.config.celery import celery_config
from src.app.config.settings import settings

celery_app = Celery(
    "allium",
    include=[
        "src.app.infrastructure.tasks.example_task",
        "src.app.infrastructure.tasks.mail_task",
        "src.app.infrastructure.tasks.prune_task",
    ],
)
celery_app.conf.update(celery_config(settings))


@signals.setup_logging.connect  # type: ignore[untyped-decorator]
def _log_as_everything_else(**_: Any) -> None:
    from src.app.infrastructure.common.logging import configure_logging

    configure_logging(settings, process="worker")
