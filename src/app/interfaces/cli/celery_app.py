"""Background tasks: `celery -A src.app.interfaces.cli.celery_app worker …`."""

from src.app.infrastructure.tasks.app import celery_app

__all__ = ["celery_app"]
