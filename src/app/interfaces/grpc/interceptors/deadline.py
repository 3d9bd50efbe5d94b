import asyncio
from typing import Any

import grpc

from src.app.interfaces.grpc.interceptors.call import Call, Proceed
from src.app.interfaces.grpc.interceptors.errors import refuse


class Deadline:
    """Gives a call that has none, or too far a deadline, one of ours; both in seconds.

    It is for calls with one answer. A stream may last as long as its connection; a deadline that
    the caller set ends it as any call.
    """

    def __init__(self, *, default: float, maximum: float) -> None:
        self._default = default
        self._maximum = maximum

    async def __call__(self, call: Call, proceed: Proceed) -> Any:
        left = call.context.time_remaining()
        # A deadline within bounds is kept by gRPC: it cancels the call.
        if not call.answers_once or (left is not None and left <= self._maximum):
            return await proceed(call)
        seconds = self._default if left is None else self._maximum
        try:
            async with asyncio.timeout(seconds) as patience:
                return await proceed(call)
        except TimeoutError:
            if not patience.expired():
                raise
            message = f"The call was given up after {seconds:g} seconds"
            await refuse(call, grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", message)
