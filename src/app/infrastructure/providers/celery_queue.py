import asyncio
from functools import cached_property
from typing import TYPE_CHECKING, Any

from src.app.application.common.context import request_id
from src.app.config.celery import celery_config
from src.app.config.settings import TaskSettings
from src.app.domain.common.exceptions import ExternalServiceError

if TYPE_CHECKING:
    from celery import Celery

ENQUEUE_TIMEOUT = 5.0


class CeleryTaskQueue:
    """Enqueues tasks by name, off the event loop: Celery's connection blocks."""

    def __init__(self, settings: TaskSettings) -> None:
        self._settings = settings

    async def enqueue(self, task: str, *, key: str, **arguments: Any) -> None:
        try:
            await asyncio.wait_for(asyncio.to_thread(self._send, task, key, arguments), ENQUEUE_TIMEOUT)
        except TimeoutError as error:
            raise ExternalServiceError("The task queue does not answer") from error

    @cached_property
    def _celery(self) -> "Celery":
        # Celery costs a process 30 MiB, and only who enqueues needs it.
        from celery import Celery

        return Celery("allium", config_source=celery_config(self._settings))

    def _send(self, task: str, key: str, arguments: dict[str, Any]) -> None:
        from kombu.exceptions import KombuError

        headers = {"key": key, "request_id": request_id.get()}
        try:
            self._celery.send_task(task, kwargs=arguments, headers=headers, retry=False, ignore_result=True)
        except (KombuError, OSError) as error:
            raise ExternalServiceError("The task queue does not answer") from error
