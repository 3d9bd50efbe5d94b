import time
from typing import Any

import grpc
from grpc import aio
from loguru import logger

from src.app.application.common.context import current_actor
from src.app.interfaces.grpc.interceptors.call import Call, Proceed

_PROBES = "/grpc.health.v1.Health/"


async def log_line(call: Call, proceed: Proceed) -> Any:
    """Writes one line for each call: what was asked, how it ended, and how long it took."""
    started = time.perf_counter()
    code = "CANCELLED"
    try:
        answer = await proceed(call)
        code = _code_of(call)
        return answer
    except aio.AbortError:
        code = _code_of(call)
        raise
    finally:
        ms = (time.perf_counter() - started) * 1000
        actor = current_actor.get()
        # Probes come every few seconds and say nothing.
        level = "DEBUG" if call.method.startswith(_PROBES) else "INFO"
        logger.bind(
            method=call.method,
            code=code,
            ms=round(ms, 2),
            user=str(actor.user_uuid) if actor else None,
            address=call.context.peer(),
        ).log(level, "{} {} {:.1f} ms", call.method, code, ms)


def _code_of(call: Call) -> str:
    # Zero until somebody has set one.
    code = call.context.code()
    return code.name if isinstance(code, grpc.StatusCode) else "OK"
