import asyncio
from typing import Any

from src.app.application.common.context import request_id
from src.app.domain.common.exceptions import ExternalServiceError

ENQUEUE_TIMEOUT = 5.0


class CeleryTaskQueue:
    """Enqueues by name, off the event loop: Celery's connection blocks."""

    async def enqueue(self, task: str, *, key: str, **arguments: Any) -> None:
        try:
            await asyncio.wait_for(asyncio.to_thread(_send, task, key, arguments), ENQUEUE_TIMEOUT)
        except (OSError, TimeoutError, _broker_error()) as error:
            raise ExternalServiceError("The task queue does not answer") from error


def _send(task: str, key: str, arguments: dict[str, Any]) -> None:
    # Celery costs a process 30 MiB, and only who enqueues needs it.
    from src.app.infrastructure.tasks.app import celery_app

    headers = {"key": key, "request_id": request_id.get()}
    celery_app.send_task(task, kwargs=arguments, headers=headers, retry=False)


def _broker_error() -> type[Exception]:
    from kombu.exceptions import OperationalError

    return OperationalError  # type: ignore[no-any-return]
