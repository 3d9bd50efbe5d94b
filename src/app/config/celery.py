"""How Celery runs: what holds for every task, the queues, the schedule."""

from datetime import timedelta
from typing import Any

from src.app.config.settings import TaskSettings

DEFAULT_QUEUE = "default_queue"
SOFT_TIME_LIMIT = 240
TIME_LIMIT = 300
VISIBILITY_TIMEOUT = 2 * TIME_LIMIT + 60

BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "prune": {"task": "prune", "schedule": timedelta(hours=1)},
}


def celery_config(settings: TaskSettings) -> dict[str, Any]:
    """Return the configuration in Celery's own names.

    A task is acknowledged after it ran and is given back when its worker dies, so each runs at
    least once; its key makes that once. On Redis a killed worker's tasks come back when they
    have been invisible for `visibility_timeout`, which the sweep below looks for each second: it
    must therefore be longer than any task may run.
    """
    transport = {
        "visibility_timeout": VISIBILITY_TIMEOUT,
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
    }
    return {
        "broker_url": settings.CELERY_BROKER_URL,
        "result_backend": settings.CELERY_RESULT_BACKEND,
        "broker_transport_options": transport,
        "result_backend_transport_options": {"visibility_timeout": VISIBILITY_TIMEOUT},
        "visibility_timeout": VISIBILITY_TIMEOUT,
        "broker_connection_retry_on_startup": True,
        "task_default_queue": DEFAULT_QUEUE,
        "task_queues": {name: {} for name in (DEFAULT_QUEUE, *settings.CELERY_QUEUES)},
        "task_create_missing_queues": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_soft_time_limit": SOFT_TIME_LIMIT,
        "task_time_limit": TIME_LIMIT,
        "task_serializer": "json",
        "accept_content": ["json"],
        "result_serializer": "json",
        "result_expires": timedelta(days=1),
        "worker_prefetch_multiplier": 1,
        "worker_cancel_long_running_tasks_on_connection_loss": True,
        "worker_soft_shutdown_timeout": 10,
        "worker_enable_soft_shutdown_on_idle": True,
        "worker_hijack_root_logger": False,
        "worker_send_task_events": True,
        "task_send_sent_event": True,
        "beat_schedule": BEAT_SCHEDULE,
        "timezone": "UTC",
    }
