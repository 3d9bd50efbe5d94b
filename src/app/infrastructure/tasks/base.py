"""Tasks call application services, which are async; a worker process is not.

Each worker process runs one event loop in a background thread, with the whole application on it.
A task waits for its coroutine from the main thread, so that Celery's time limits reach it there
and cancel the coroutine. (`run_until_complete` on the main thread swallows the limit.)
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from functools import cache
from typing import Any, TypeVar

from celery import Task, signals
from loguru import logger

from src.app.application.common.context import request_id, request_id_of
from src.app.config.settings import settings
from src.app.domain.common.exceptions import (
    ExternalServiceError,
    NotFoundError,
    RateLimitedError,
    StaleVersionError,
)
from src.app.infrastructure.bootstrap import Process, bootstrap
from src.app.infrastructure.messaging.inbox import handled_once
from src.app.infrastructure.tasks.app import celery_app

MAX_RETRIES = 10
MAX_BACKOFF_SECONDS = 600
STOP_TIMEOUT = 30
# As `interfaces/outcomes.py` says of messages; a test compares the two.
TRANSIENT = (ExternalServiceError, NotFoundError, RateLimitedError, StaleVersionError)

_Result = TypeVar("_Result")


class Application:
    """The application on an event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="application", daemon=True)
        self._thread.start()
        self._stack = AsyncExitStack()
        try:
            self.process: Process = self.run(self._stack.enter_async_context(bootstrap(settings, name="worker")))
        except BaseException:
            self._loop.call_soon_threadsafe(self._loop.stop)
            raise

    def run(self, awaitable: Awaitable[_Result]) -> _Result:
        """Wait for `awaitable` from the calling thread; whatever stops the wait cancels it."""

        async def result() -> _Result:
            return await awaitable

        future = asyncio.run_coroutine_threadsafe(result(), self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        self.run(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_TIMEOUT)


@cache
def application() -> Application:
    """Return this worker process's application, started when it is first asked for."""
    return Application()


@signals.worker_process_init.connect  # type: ignore[untyped-decorator]
def _start(**_: Any) -> None:
    application()


@signals.worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def _stop(**_: Any) -> None:
    if application.cache_info().currsize:
        application().close()


class BaseTask(Task):  # type: ignore[misc]  # Celery has no types
    """Retried with growing, jittered delay while what it depends on is down, and logged."""

    autoretry_for = TRANSIENT
    max_retries = MAX_RETRIES
    retry_backoff = True
    retry_backoff_max = MAX_BACKOFF_SECONDS
    retry_jitter = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        token = request_id.set(request_id_of(self._header("request_id")))
        try:
            result = super().__call__(*args, **kwargs)
            logger.info("Task {} done in {:.0f} ms", self.name, (time.perf_counter() - started) * 1000)
            return result
        finally:
            request_id.reset(token)

    def on_failure(self, exc: Exception, task_id: str, *_: Any) -> None:
        logger.opt(exception=exc).error("Task {} {} failed for good", self.name, task_id)

    @property
    def key(self) -> str:
        """What the caller of `TaskQueue.enqueue` says that this run is for; without it, the run itself."""
        return self._header("key") or str(self.request.id)

    def _header(self, name: str) -> str:
        return str((self.request.headers or {}).get(name) or getattr(self.request, name, None) or "")


def task(name: str) -> Callable[[Callable[..., Coroutine[Any, Any, Any]]], Any]:
    """Make a task of an async function of the container and what was enqueued.

    It runs in one transaction with the record that it ran, so for one key it has its effect in
    PostgreSQL once, however often it is delivered; what it did outside (a mail) may be done again
    if the worker dies before the commit. What it answers must be JSON.
    """

    def register(function: Callable[..., Coroutine[Any, Any, Any]]) -> Any:
        @celery_app.task(name=name, bind=True, base=BaseTask)  # type: ignore[untyped-decorator]
        def run(self: BaseTask, **arguments: Any) -> Any:
            # The request is this thread's own: on the loop's thread there is none.
            return application().run(_once(self.name, self.key, function, arguments))

        return run

    return register


async def _once(
    name: str, key: str, function: Callable[..., Coroutine[Any, Any, _Result]], arguments: dict[str, Any]
) -> _Result | None:
    process = application().process
    async with handled_once(process.database, message_id=key, handler=f"task:{name}") as is_new:
        return await function(process.container, **arguments) if is_new else None
