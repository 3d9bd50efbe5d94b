"""A message taken apart as far as handling it needs, by whomever it is handled."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError as PayloadError

from src.app.application.common.context import request_id, request_id_of
from src.app.application.common.text import storable
from src.app.application.ports.messages import Handler
from src.app.domain.common.exceptions import AppException
from src.app.infrastructure.extensions.psql_ext import Executor
from src.app.infrastructure.messaging.broker import Delivery
from src.app.infrastructure.messaging.envelope import Envelope, parse
from src.app.infrastructure.messaging.inbox import Heard, note


class DeadError(Exception):
    """A message that no repetition helps."""

    def __init__(self, reason: str, error: str) -> None:
        super().__init__(error)
        self.reason = reason
        self.error = error


@dataclass(frozen=True, slots=True)
class Opened:
    """A message that can be handled."""

    envelope: Envelope
    handler: Handler
    payload: Any
    message_id: str
    request_id: str

    @classmethod
    def of(cls, delivery: Delivery, handlers: Mapping[str, Handler]) -> "Opened":
        envelope = _parsed(delivery)
        handler = handlers.get(envelope.event)
        if handler is None:
            raise DeadError("unknown_event", f"Nothing here handles {envelope.event!r}")
        return cls(
            envelope,
            handler,
            _payload(handler, envelope),
            storable(envelope.id or delivery.id),
            request_id_of(envelope.request_id or delivery.headers.get("x-request-id", "")),
        )

    @asynccontextmanager
    async def named(self) -> AsyncIterator[None]:
        token = request_id.set(self.request_id)
        try:
            yield
        finally:
            request_id.reset(token)

    async def handle(self, executor: Executor, *, queue: str = "", key: str = "") -> Heard:
        """Note the message and handle it, in the transaction around, unless it has to wait behind its key."""
        heard = await note(executor, message_id=self.message_id, handler=self.handler.name, queue=queue, key=key)
        if heard is Heard.NEW:
            try:
                await self.handler.call(self.payload, self.message_id)
            except asyncio.CancelledError as error:
                # What it waited for was cancelled, and not we: a failure like others, and no end of consuming.
                if (task := asyncio.current_task()) and task.cancelling():
                    raise
                raise RuntimeError("What the handler waited for was cancelled") from error
        return heard


def _parsed(delivery: Delivery) -> Envelope:
    try:
        return parse(delivery.body)
    except AppException as error:
        raise DeadError("malformed", error.message) from error


def _payload(handler: Handler, envelope: Envelope) -> Any:
    if handler.payload is None:
        return envelope.data
    try:
        return handler.payload.model_validate_json(orjson.dumps(envelope.data))
    except (TypeError, ValueError) as error:
        # Nested deeper than JSON is written; pydantic's own error is a ValueError too.
        if not isinstance(error, PayloadError):
            raise DeadError("invalid_payload", str(error)) from error
        wrong = "; ".join(
            f"{'.'.join(map(str, at['loc']))}: {at['msg']}" for at in error.errors(include_input=False)
        )
        raise DeadError("invalid_payload", wrong) from error
