from typing import Any, Protocol


class TaskQueue(Protocol):
    async def enqueue(self, task: str, *, key: str, **arguments: Any) -> None:
        """Have a background task run once for this key, however often it is enqueued.

        Raises:
            ExternalServiceError: the queue does not answer; nothing was enqueued.
        """
