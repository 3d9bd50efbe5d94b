"""Messages from producers: `python -m src.app.interfaces.cli.consume`."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from src.app.application.common.context import request_id
from src.app.application.container import Container
from src.app.application.ports.messages import Handler
from src.app.config.settings import Settings
from src.app.infrastructure.bootstrap import bootstrap
from src.app.interfaces.cli.process import run
from src.app.interfaces.consumers import users
from src.app.interfaces.outcomes import is_transient

HANDLERS_MAP: dict[str, dict[str, Any]] = {
    "user.create": {"handler": users.create_user, "payload": users.CreateUser},
    "user.deactivate": {"handler": users.deactivate_user, "payload": users.DeactivateUser},
    "user.update": {"handler": users.update_user, "payload": users.UpdateUser},
}
"""Event → its `handler`, and the `payload` that types its data.

A handler with a payload is an async function of it and the container. Without one it is, as in
the prototype, an async function of the data, or a Celery task that is sent to `celery_queue`.
"""


def handlers_of(entries: Mapping[str, Mapping[str, Any]], container: Container) -> dict[str, Handler]:
    """Return the map with every handler as an async function of what it is given."""
    handlers = {}
    for event, entry in entries.items():
        function, payload = entry["handler"], entry.get("payload")
        is_task = hasattr(function, "apply_async")
        if is_task:
            call = partial(_enqueue, function, entry.get("celery_queue"))
        elif payload is not None:
            call = partial(_with_container, function, container)
        else:
            call = partial(_with_data, function)
        handlers[event] = Handler(name=event, call=call, payload=payload, is_elsewhere=is_task)
    return handlers


async def _with_container(function: Any, container: Container, payload: Any, _: str) -> None:
    await function(payload, container)


async def _with_data(function: Any, data: Any, _: str) -> None:
    await function(data)


async def _enqueue(task: Any, queue: str | None, data: Any, message_id: str) -> None:
    # The key makes it run once, should the message come again; the connection blocks, so it is
    # kept off the event loop.
    headers = {"key": message_id, "request_id": request_id.get()}
    await asyncio.to_thread(task.apply_async, kwargs=dict(data), queue=queue, headers=headers, retry=False)


async def consume(settings: Settings, stop: asyncio.Event) -> None:
    async with bootstrap(settings, name="consume") as process:
        handlers = handlers_of(HANDLERS_MAP, process.container)
        await process.consume(handlers, is_transient=is_transient, stop=stop)


if __name__ == "__main__":
    run(consume)
