"""Messages from producers: each has its effect once, however often it is delivered."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, nullcontext
from typing import Any, TypeAlias

import orjson
from loguru import logger
from pydantic import ValidationError as PayloadError

from src.app.application.common.context import request_id, request_id_of
from src.app.application.common.text import storable
from src.app.application.ports.messages import Handler
from src.app.domain.common.exceptions import AppException, ExternalServiceError
from src.app.infrastructure.common.heartbeat import Beating
from src.app.infrastructure.extensions.psql_ext import Database
from src.app.infrastructure.messaging.backoff import backoff
from src.app.infrastructure.messaging.broker import Broker, Delivery, Subscription
from src.app.infrastructure.messaging.envelope import Envelope, parse
from src.app.infrastructure.messaging.inbox import handled_once
from src.app.infrastructure.providers.ids import new_uuid

MAX_ATTEMPTS = 8
MAX_ERROR_LENGTH = 4000
RECEIVE_SECONDS = 1.0
PAUSE_SECONDS = 1.0
HANDLED_AT_ONCE = 16  # each holds a connection to PostgreSQL, of which a process has some forty

Stopped: TypeAlias = "asyncio.Task[Any]"
"""Done when consuming is to stop."""

_BURY = """
INSERT INTO dead_letters
    (uuid, queue, message_id, event, body, headers, reason, error, attempts, first_seen)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING 1
"""


class _DeadError(Exception):
    """A message that no repetition helps."""

    def __init__(self, reason: str, error: str) -> None:
        super().__init__(error)
        self.reason = reason
        self.error = storable(error)[:MAX_ERROR_LENGTH]


class _DatabaseOutError(Exception):
    """PostgreSQL is out: no message is to blame, and what is in hand stays there until it is back."""


class _BrokerOutError(Exception):
    """The broker is out: what is in hand is not settled, and comes again when it is back."""


class Consumer:
    """Takes messages from one queue and hands each to the handler of its event.

    A failure that may pass is retried with growing delay, up to a bound; what cannot be handled
    goes to the dead letters with its reason. `is_transient` says which errors may pass. An outage
    is nobody's failure and costs no attempt: while PostgreSQL is out, what is in hand waits.
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
        beating: Beating = nullcontext,
    ) -> None:
        self._database = database
        self._broker = broker
        self._queue = queue
        self._batch = batch
        self._handlers = handlers
        self._is_transient = is_transient
        self._max_attempts = max_attempts
        self._beating = beating
        self._hands = asyncio.Semaphore(HANDLED_AT_ONCE)

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set; what was received is then handled and settled first."""
        stopped = asyncio.create_task(stop.wait(), name="stop")
        async with AsyncExitStack() as alive:
            is_alive = False
            while not stop.is_set():
                try:
                    async with self._broker.subscribe(self._queue) as subscription:
                        if not is_alive:
                            await alive.enter_async_context(self._beating())
                            is_alive = True
                            logger.info("Consuming {}", self._queue)
                        await self._consume(subscription, stopped)
                except (_BrokerOutError, AppException) as outage:
                    logger.warning("Consuming pauses: {}", outage)
                    await asyncio.wait({stopped}, timeout=PAUSE_SECONDS)
        stopped.cancel()

    async def _consume(self, subscription: Subscription, stopped: Stopped) -> None:
        while not stopped.done():
            receiving = asyncio.create_task(subscription.receive(limit=self._batch, wait=RECEIVE_SECONDS))
            await asyncio.wait({receiving, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not receiving.done():
                receiving.cancel()
                await asyncio.wait({receiving})
            if not receiving.cancelled():
                await self._handle_all(subscription, receiving.result(), stopped)

    async def _handle_all(self, subscription: Subscription, deliveries: list[Delivery], stopped: Stopped) -> None:
        """Handle messages of one key in their order, and the keys beside each other."""
        by_key: dict[str, list[Delivery]] = {}
        for place, delivery in enumerate(deliveries):
            by_key.setdefault(delivery.key or f"#{place}", []).append(delivery)
        async with asyncio.TaskGroup() as group:
            keys = [
                group.create_task(self._handle_in_order(subscription, of_key, stopped))
                for of_key in by_key.values()
            ]
        for key in keys:
            if outage := key.result():
                raise outage

    async def _handle_in_order(
        self, subscription: Subscription, deliveries: list[Delivery], stopped: Stopped
    ) -> _BrokerOutError | None:
        """Settle these one after another; what keeps us from it is returned, and they come again."""
        waiting = deque(deliveries)
        while waiting:
            try:
                async with self._hands:
                    await self._settle(subscription, waiting[0])
                waiting.popleft()
            except _DatabaseOutError as outage:
                logger.warning("Consuming waits: {}", outage)
                await asyncio.wait({stopped}, timeout=PAUSE_SECONDS)
                if stopped.done():
                    return None
            except _BrokerOutError as outage:
                return outage
        return None

    async def _settle(self, subscription: Subscription, delivery: Delivery) -> None:
        try:
            await self._handle(delivery)
        except _DatabaseOutError:
            raise
        except _DeadError as dead:
            await self._bury(subscription, delivery, dead)
        except Exception as error:
            await self._retry(subscription, delivery, error)
        else:
            await subscription.done([delivery])

    async def _handle(self, delivery: Delivery) -> None:
        envelope = _opened(delivery)
        handler = self._handlers.get(envelope.event)
        if handler is None:
            raise _DeadError("unknown_event", f"Nothing here handles {envelope.event!r}")
        payload = _payload(handler, envelope)
        message_id = storable(envelope.id or delivery.id)
        token = request_id.set(_request_id(envelope, delivery))
        is_begun = False
        try:
            async with handled_once(self._database, message_id=message_id, handler=handler.name) as is_new:
                is_begun = True
                if is_new:
                    await handler.call(payload, message_id)
            logger.info("Message {} {}", envelope.event, "handled" if is_new else "was handled before")
        except AppException as error:
            if not is_begun and isinstance(error, ExternalServiceError):
                raise _DatabaseOutError(error.message) from error
            if self._is_transient(error):
                raise
            raise _DeadError(error.code, error.message) from error
        finally:
            request_id.reset(token)

    async def _retry(self, subscription: Subscription, delivery: Delivery, error: Exception) -> None:
        if delivery.attempts + 1 >= self._max_attempts:
            await self._bury(subscription, delivery, _DeadError("retries_spent", repr(error)))
            return
        delay = backoff(delivery.attempts + 1)
        logger.opt(exception=error).warning("Message {!r} failed; again in {:.0f} s", delivery.id[:255], delay)
        try:
            await subscription.retry(delivery, delay=delay, error=repr(error))
        except AppException as outage:
            raise _BrokerOutError(outage.message) from outage

    async def _bury(self, subscription: Subscription, delivery: Delivery, dead: _DeadError) -> None:
        logger.error("Message {!r} is dead: {}: {!r}", delivery.id[:255], dead.reason, dead.error)
        values = [
            new_uuid(),
            self._queue,
            storable(delivery.id)[:255],
            _event_of(delivery),
            delivery.body,
            {storable(name): storable(value) for name, value in delivery.headers.items()},
            dead.reason[:100],
            dead.error,
            delivery.attempts + 1,
            delivery.first_seen,
        ]
        try:
            await self._database.executor.fetch(_BURY, values)
        except ExternalServiceError as outage:
            raise _DatabaseOutError(outage.message) from outage
        except AppException as refused:
            logger.error("Message {!r} is dead at the broker alone: {}", delivery.id[:255], refused.message)
        try:
            await subscription.dead(delivery, reason=dead.reason, error=dead.error)
        except AppException as outage:
            raise _BrokerOutError(outage.message) from outage


def _event_of(delivery: Delivery) -> str | None:
    try:
        return storable(parse(delivery.body).event)[:100]
    except AppException:
        return None


def _opened(delivery: Delivery) -> Envelope:
    try:
        return parse(delivery.body)
    except AppException as error:
        raise _DeadError("malformed", error.message) from error


def _payload(handler: Handler, envelope: Envelope) -> Any:
    if handler.payload is None:
        return envelope.data
    try:
        return handler.payload.model_validate_json(orjson.dumps(envelope.data))
    except (TypeError, ValueError) as error:
        # Nested deeper than JSON is written; pydantic's own error is a ValueError too.
        if not isinstance(error, PayloadError):
            raise _DeadError("invalid_payload", str(error)) from error
        wrong = "; ".join(
            f"{'.'.join(map(str, at['loc']))}: {at['msg']}" for at in error.errors(include_input=False)
        )
        raise _DeadError("invalid_payload", wrong) from error


def _request_id(envelope: Envelope, delivery: Delivery) -> str:
    return request_id_of(envelope.request_id or delivery.headers.get("x-request-id", ""))
