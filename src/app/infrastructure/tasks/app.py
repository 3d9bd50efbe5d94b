import threading
from typing import Any

from celery import Celery, signals

from src.app.config.celery import celery_config
from src.app.config.settings import settings
from src.app.infrastructure.common.heartbeat import heartbeat_from_thread
from src.app.infrastructure.common.logging import configure_logging

celery_app = Celery(
    "allium",
    include=[
        "src.app.infrastructure.tasks.example_task",
        "src.app.infrastructure.tasks.mail_task",
        "src.app.infrastructure.tasks.prune_task",
    ],
)
celery_app.conf.update(celery_config(settings))

_stopped = threading.Event()


@signals.setup_logging.connect  # type: ignore[untyped-decorator]
def _log_as_everything_else(**_: Any) -> None:
    configure_logging(settings, process="worker")


@signals.worker_ready.connect  # type: ignore[untyped-decorator]
def _say_ready(**_: Any) -> None:
    if settings.HEARTBEAT_FILE is not None:
        heartbeat_from_thread(settings.HEARTBEAT_FILE, _stopped)


@signals.worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _say_stopping(**_: Any) -> None:
    _stopped.set()
