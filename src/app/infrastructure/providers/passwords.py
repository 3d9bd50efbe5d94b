"""Password hashes by passlib's API (libpass), slow on purpose and off the event loop."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from passlib.context import CryptContext
from passlib.hash import bcrypt_sha256

from src.app.domain.common.exceptions import RateLimitedError

MAX_WAITING = 64
_Result = TypeVar("_Result")


class PasslibHasher:
    """bcrypt over SHA-256, so that nothing past the 72nd byte is cut off.

    Hashes run on as many threads as there are cores, at a low priority: other requests go first,
    and sign-ins are as fast as the machine hashes. More than a bounded number waiting is refused.
    """

    def __init__(self, *, rounds: int) -> None:
        self._context = CryptContext(schemes=["bcrypt_sha256"], deprecated="auto", bcrypt_sha256__rounds=rounds)
        # Whoever asks for an account that is not there waits as long as for this one. It is made at
        # the lowest cost and only says that it has the full one: no password has to fit it.
        self._dummy = bcrypt_sha256.using(rounds=4).hash("nobody").replace("r=4", f"r={rounds}")
        self._threads = ThreadPoolExecutor(
            max_workers=os.cpu_count() or 1, thread_name_prefix="passwords", initializer=_step_back
        )
        self._waiting = 0

    async def hash(self, password: str) -> str:
        hashed: str = await self._off_the_loop(self._context.hash, password)
        return hashed

    async def verify(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        if hashed is None or self._context.identify(hashed) is None:
            await self._off_the_loop(self._context.verify, password, self._dummy)
            return False, None
        is_right, rehashed = await self._off_the_loop(self._context.verify_and_update, password, hashed)
        return bool(is_right), rehashed

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _off_the_loop(self, function: Any, *arguments: str) -> Any:
        if self._waiting >= MAX_WAITING:
            raise RateLimitedError("Too many sign-ins at once; try again in a moment", retry_after=2)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, partial(function, *arguments))
        finally:
            self._waiting -= 1


def _step_back() -> None:
    if hasattr(os, "setpriority"):
        # On Linux the priority belongs to the thread, although POSIX says process.
        os.setpriority(os.PRIO_PROCESS, 0, 10)
