import asyncio
from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from src.app.interfaces.api.errors import RequestError

LOOKED_AT_EACH_SECONDS = 0.25


class Deadline:
    """Gives a request up after `seconds`: 504, and what it waited for is cancelled.

    Requests come due in the order in which they came, so one timer looks at the oldest; a timer
    for each of them would cost as much as finding its route.
    """

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self._app = app
        self._seconds = seconds
        self._due: dict[asyncio.Task[object], float] = {}
        self._cancelled: Counter[asyncio.Task[object]] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        if scope["type"] != "http" or task is None:
            await self._app(scope, receive, send)
            return
        loop = asyncio.get_running_loop()
        self._due[task] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_later(LOOKED_AT_EACH_SECONDS, self._look, loop)
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            # As `asyncio.timeout` does: somebody else's cancellation goes on.
            if not self._cancelled[task] or self._others_after_taking_back(task):
                raise
            raise deadline_exceeded() from None
        finally:
            del self._due[task]
            self._cancelled.pop(task, None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, due in self._due.items():
            if due > now:
                break
            # Again at each look: a library on the way may have swallowed the one before.
            self._cancelled[task] += 1
            task.cancel()
        self._timer = loop.call_later(LOOKED_AT_EACH_SECONDS, self._look, loop) if self._due else None

    def _others_after_taking_back(self, task: asyncio.Task[object]) -> int:
        left = task.cancelling()
        for _ in range(self._cancelled.pop(task)):
            left = task.uncancel()
        return left


def deadline_exceeded() -> RequestError:
    return RequestError(504, "DEADLINE_EXCEEDED", "This took too long and was given up")
