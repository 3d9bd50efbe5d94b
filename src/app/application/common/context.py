"""What is known about the work in hand, whichever door it came through.

Set by the doors, read by logs, events and outgoing calls; it travels with the asyncio task.
"""

import re
from contextvars import ContextVar

from src.app.application.common.actor import Actor

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")

request_id: ContextVar[str] = ContextVar("request_id", default="")
current_actor: ContextVar[Actor | None] = ContextVar("current_actor", default=None)


def is_request_id(text: str) -> bool:
    """Tell whether a caller's request id can be taken over as it is."""
    return _REQUEST_ID.fullmatch(text) is not None
