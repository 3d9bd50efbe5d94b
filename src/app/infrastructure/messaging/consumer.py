"""Messages from producers: each has its effect once, however often it is delivered."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from loguru import logger
from pydantic import ValidationError as PayloadError

from src.app.application.common.context import is_request_id, request_id
from src.app.application.ports.messages import Handler
from src.app.domain.common.exceptions import AppException
from src.app.infrastructure.extensions.psql_ext import Database
from src.app.infrastructure.messaging.broker import Broker, Delivery, Subscription
from src.app.infrastructure.messaging.envelope import Envelope, parse
from src.app.infrastructure.messaging.inbox import handled_once
from src.app.infrastructure.messaging.relay import backoff
from src.app.infrastructure.providers.ids import new_uuid

MAX_ATTEMPTS = 8
RECEIVE_SECONDS = 1.0
UNAVAILABLE_SECONDS = 1.0

_BURY = """
INSERT INTO dead_letters
    (uuid, queue, message_id, event, body, headers, reason, error, attempts, first_seen)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING 1
"""


class _Dead(Exception):
    """A message that no repetition helps."""

    def __init__(self, reason: str, error: str) -> None:
        super().__init__(error)
        self.reason = reason
        self.error = error


class Consumer:
    """Takes messages from one queue and hands each to the handler of its event.

    A failure that may pass is retried with growing delay, up to a bound; what cannot be handled
    goes to the dead letters with its reason. `is_transient` says which errors may pass.
    """

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        queue: str,
        batch: int,
        handlers: Mapping[str, Handler],
        is_transient: Callable[[AppException], bool],
        max_attempts: int = MAX_ATTEMPTS,
    ) -> None:
        self._database = database
        self._broker = broker
        self._queue = queue
        self._batch = batch
        self._handlers = handlers
        self._is_transient = is_transient
        self._max_attempts = max_attempts

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set; what was received is then handled and settled first."""
        async with self._broker.subscribe(self._queue) as subscription:
            stopped = asyncio.create_task(stop.wait(), name="stop")
            try:
                while not stop.is_set():
                    deliveries = await self._received(subscription, stopped)
                    await self._handle_all(subscription, deliveries)
            finally:
                stopped.cancel()

    async def _received(self, subscription: Subscription, stopped: "asyncio.Task[Any]") -> list[Delivery]:
        receiving = asyncio.create_task(subscription.receive(limit=self._batch, wait=RECEIVE_SECONDS))
        await asyncio.wait({receiving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not receiving.done():
            receiving.cancel()
        try:
            return await receiving
        except asyncio.CancelledError:
            return []
        except AppException as error:
            logger.warning("Nothing received for now: {}", error.message)
            await asyncio.sleep(UNAVAILABLE_SECONDS)
            return []

    async def _handle_all(self, subscription: Subscription, deliveries: list[Delivery]) -> None:
        """Handle messages of one key in their order, and the keys beside each other."""
        by_key: dict[str, list[Delivery]] = {}
        for place, delivery in enumerate(deliveries):
            by_key.setdefault(delivery.key or f"#{place}", []).append(delivery)
        async with asyncio.TaskGroup() as group:
            for of_key in by_key.values():
                group.create_task(self._handle_in_order(subscription, of_key))

    async def _handle_in_order(self, subscription: Subscription, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            await self._settle(subscription, delivery)

    async def _settle(self, subscription: Subscription, delivery: Delivery) -> None:
        try:
            await self._handle(delivery)
            await subscription.done([delivery])
        except _Dead as dead:
            await self._bury(subscription, delivery, dead)
        except Exception as error:
            if delivery.attempts + 1 >= self._max_attempts:
                await self._bury(subscription, delivery, _Dead("retries_spent", repr(error)))
                return
            delay = backoff(delivery.attempts + 1)
            logger.opt(exception=error).warning("Message {} failed; again in {:.0f} s", delivery.id, delay)
            await subscription.retry(delivery, delay=delay, error=repr(error))

    async def _handle(self, delivery: Delivery) -> None:
        envelope = _opened(delivery)
        handler = self._handlers.get(envelope.event)
        if handler is None:
            raise _Dead("unknown_event", f"Nothing here handles {envelope.event!r}")
        payload = _payload(handler, envelope)
        token = request_id.set(_request_id(envelope, delivery))
        try:
            async with handled_once(
                self._database, message_id=envelope.id or delivery.id, handler=handler.name
            ) as is_new:
                if is_new:
                    await handler.call(payload)
            logger.info("Message {} {}", envelope.event, "handled" if is_new else "was handled before")
        except AppException as error:
            if self._is_transient(error):
                raise
            raise _Dead(error.code, error.message) from error
        finally:
            request_id.reset(token)

    async def _bury(self, subscription: Subscription, delivery: Delivery, dead: _Dead) -> None:
        logger.error("Message {} is dead: {}: {}", delivery.id, dead.reason, dead.error)
        try:
            event: str | None = parse(delivery.body).event[:100]
        except AppException:
            event = None
        await self._database.executor.fetch(
            _BURY,
            [
                new_uuid(),
                self._queue,
                delivery.id[:255],
                event,
                delivery.body,
                dict(delivery.headers),
                dead.reason[:100],
                dead.error,
                delivery.attempts + 1,
                delivery.first_seen,
            ],
        )
        await subscription.dead(delivery, reason=dead.reason, error=dead.error)


def _opened(delivery: Delivery) -> Envelope:
    try:
        return parse(delivery.body)
    except AppException as error:
        raise _Dead("malformed", error.message) from error


def _payload(handler: Handler, envelope: Envelope) -> Any:
    if handler.payload is None:
        return envelope.data
    try:
        return handler.payload.model_validate_json(orjson.dumps(envelope.data))
    except PayloadError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, at['loc']))}: {at['msg']}" for at in error.errors(include_input=False)
        )
        raise _Dead("invalid_payload", wrong) from error


def _request_id(envelope: Envelope, delivery: Delivery) -> str:
    given = envelope.request_id or delivery.headers.get("x-request-id", "")
    return given if is_request_id(given) else str(new_uuid())
