"""What is known about the work in hand, whichever door it came through.

Set by the doors, read by logs, events and outgoing calls; it travels with the asyncio task.
"""

import re
from contextvars import ContextVar

from uuid_utils import uuid7

from src.app.application.common.actor import Actor

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")

request_id: ContextVar[str] = ContextVar("request_id", default="")
current_actor: ContextVar[Actor | None] = ContextVar("current_actor", default=None)


def request_id_of(given: str) -> str:
    """Return the caller's request id if it can be taken over as it is, else a new one."""
    return given if _REQUEST_ID.fullmatch(given) else str(uuid7())
