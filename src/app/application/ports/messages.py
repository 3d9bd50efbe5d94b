"""What the doors hand to the loops that move messages."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """What is done with an event from outside.

    `call` takes its data, as `payload` if that is declared, and the id of the message. It runs
    in the transaction that also notes the message as handled by `name`. One that `is_elsewhere` hands
    the data to a task, which is no part of that transaction.
    """

    name: str
    call: Callable[[Any, str], Awaitable[None]]
    payload: type[BaseModel] | None = None
    is_elsewhere: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event of our own, as it is told: what happened to which aggregate, and when."""

    uuid: UUID
    name: str
    version: int
    aggregate: str
    aggregate_uuid: UUID
    payload: Mapping[str, Any]
    occurred_at: datetime
    request_id: str


Subscriber = Callable[[Happened], Awaitable[None]]
"""What one of our own contexts does about an event; told again until it returns."""
