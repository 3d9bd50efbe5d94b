"""Messages from producers: each has its effect once, however often it is delivered."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, nullcontext
from typing import Any, TypeAlias

from loguru import logger

from src.app.application.common.text import storable
from src.app.application.ports.messages import Handler
from src.app.domain.common.exceptions import AppException, ExternalServiceError
from src.app.infrastructure.common.heartbeat import Beating
from src.app.infrastructure.extensions.psql_ext import Database, Executor
from src.app.infrastructure.messaging.backoff import backoff
from src.app.infrastructure.messaging.broker import Broker, Delivery, Message, Subscription
from src.app.infrastructure.messaging.clients import headers as house
from src.app.infrastructure.messaging.envelope import parse
from src.app.infrastructure.messaging.inbox import Heard
from src.app.infrastructure.messaging.opened import DeadError, Opened
from src.app.infrastructure.messaging.parking import (
    Failure,
    Parked,
    State,
    claim,
    due_in,
    key_of,
    park,
    postpone,
    resolve,
)

MAX_ATTEMPTS = 8
RECEIVE_SECONDS = 1.0
PAUSE_SECONDS = 1.0
HANDLED_AT_ONCE = 16  # each holds a connection to PostgreSQL, of which a process has some forty
PARKED_AT_ONCE = 4
HELD_SECONDS = 0.2  # until another look at what other processes hold
LOOK_SECONDS = 5.0  # for what other processes have parked, and for what a person has changed

Stopped: TypeAlias = "asyncio.Task[Any]"
"""Done when consuming is to stop."""


class _DatabaseOutError(Exception):
    """PostgreSQL is out: no message is to blame, and what is in hand stays there until it is back."""


class _BrokerOutError(Exception):
    """The broker is out: what is in hand is not settled, and comes again when it is back."""


class Consumer:
    """Takes messages from one queue and hands each to the handler of its event.

    A failure that may pass is retried with growing delay, up to a bound; what cannot be handled
    goes to the dead letters with its reason. `is_transient` says which errors may pass. What comes
    after a message of its key that failed waits for it (see `parking`). An outage is nobody's
    failure and costs no attempt: while PostgreSQL is out, what is in hand waits.
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
        self._parked = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set; what was received is then handled and settled first."""
        stopped = asyncio.create_task(stop.wait(), name="stop")
        async with AsyncExitStack() as alive, asyncio.TaskGroup() as attendants:
            for _ in range(PARKED_AT_ONCE):
                attendants.create_task(self._attend(stopped))
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
        failure = None
        try:
            if await self._handle(delivery) is Heard.HELD:
                failure = Failure(
                    state=State.BEHIND, reason="behind", error="One of its key that came before it waits"
                )
        except _DatabaseOutError:
            raise
        except Exception as error:
            failure = self._judged(delivery, error)
        if failure is None:
            await subscription.done([delivery])
        elif failure.state is State.DEAD:
            await self._park(delivery, failure)
            await _told(subscription.dead(delivery, reason=failure.reason, error=failure.error))
        elif delivery.key:
            await self._park(delivery, failure)
            await subscription.done([delivery])
        else:
            await _told(subscription.retry(delivery, delay=failure.delay, error=failure.error))

    async def _handle(self, delivery: Delivery) -> Heard:
        opened = Opened.of(delivery, self._handlers)
        is_begun = False
        try:
            async with opened.named(), self._database.ambient_transaction() as executor:
                is_begun = True
                heard = await opened.handle(executor, queue=self._queue, key=key_of(delivery))
        except ExternalServiceError as error:
            if not is_begun:
                raise _DatabaseOutError(error.message) from error
            raise
        logger.info("Message {} {}", opened.envelope.event, _TOLD[heard])
        return heard

    def _judged(self, delivery: Delivery, error: Exception) -> Failure:
        """Say what becomes of a message whose handler failed."""
        if isinstance(error, DeadError):
            failure = Failure(state=State.DEAD, reason=error.reason, error=error.error)
        elif isinstance(error, AppException) and not self._is_transient(error):
            failure = Failure(state=State.DEAD, reason=error.code, error=error.message)
        elif delivery.attempts + 1 >= self._max_attempts:
            failure = Failure(state=State.DEAD, reason="retries_spent", error=repr(error))
        else:
            delay = backoff(delivery.attempts + 1)
            logger.opt(exception=error).warning("Message {!r} failed; again in {:.0f} s", delivery.id[:255], delay)
            return Failure(state=State.WAITING, reason="failed", error=repr(error), delay=delay)
        logger.error("Message {!r} is dead: {}: {!r}", delivery.id[:255], failure.reason, failure.error)
        return failure

    async def _park(self, delivery: Delivery, failure: Failure) -> None:
        try:
            async with self._database.transaction() as executor:
                await park(executor, self._queue, delivery, failure, event=_event_of(delivery))
        except ExternalServiceError as outage:
            raise _DatabaseOutError(outage.message) from outage
        except AppException as refused:
            if failure.state is not State.DEAD:
                raise _DatabaseOutError(refused.message) from refused
            logger.error("Message {!r} is dead at the broker alone: {}", delivery.id[:255], refused.message)
        self._parked.set()

    async def _attend(self, stopped: Stopped) -> None:
        """Handle what is parked when it is due; a few do this beside each other, so a slow one holds up none."""
        news = asyncio.create_task(self._parked.wait())
        while not stopped.done():
            pause = LOOK_SECONDS
            try:
                due = await due_in(self._database.executor, self._queue)
                while due == 0 and not stopped.done():
                    if not await self._handle_parked():
                        due = HELD_SECONDS
                        break
                    due = await due_in(self._database.executor, self._queue)
                pause = min(pause, pause if due is None else due)
            except AppException as outage:
                logger.warning("Parked messages wait: {}", outage.message)
            await asyncio.wait({stopped, news}, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            if news.done():
                self._parked.clear()
                news = asyncio.create_task(self._parked.wait())
        news.cancel()

    async def _handle_parked(self) -> bool:
        """Handle the parked message that has been due for longest; False where nobody has left us one."""
        async with self._hands, self._database.ambient_transaction() as executor:
            parked = await claim(executor, self._queue)
            if parked is None:
                return False
            failure = await self._tried(executor, parked)
            if failure is None:
                await resolve(executor, self._queue, parked.uuid, parked.delivery.key)
            else:
                await postpone(executor, parked, failure)
        if failure is not None and failure.state is State.DEAD:
            await self._tell_of_death(parked.delivery, failure)
        return True

    async def _tried(self, executor: Executor, parked: Parked) -> Failure | None:
        try:
            opened = Opened.of(parked.delivery, self._handlers)
            # A savepoint: what a failing handler wrote is taken back, the message stays ours.
            async with opened.named(), self._database.transaction():
                heard = await opened.handle(executor)
        except Exception as error:
            return self._judged(parked.delivery, error)
        logger.info("Parked message {} {}", opened.envelope.event, _TOLD[heard])
        return None

    async def _tell_of_death(self, delivery: Delivery, failure: Failure) -> None:
        headers = {**delivery.headers, **house.of_dead(delivery, reason=failure.reason, error=failure.error)}
        letter = Message(body=delivery.body, id=delivery.id, key=delivery.key, headers=headers)
        try:
            await self._broker.publish([letter], queue=f"{self._queue}.dead")
        except AppException as outage:
            logger.warning("Message {!r} is dead in the table alone: {}", delivery.id[:255], outage.message)


_TOLD = {Heard.NEW: "handled", Heard.BEFORE: "was handled before", Heard.HELD: "waits behind its key"}


async def _told(telling: Awaitable[None]) -> None:
    try:
        await telling
    except AppException as outage:
        raise _BrokerOutError(outage.message) from outage


def _event_of(delivery: Delivery) -> str | None:
    try:
        return storable(parse(delivery.body).event)[:100]
    except AppException:
        return None
