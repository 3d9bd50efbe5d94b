"""A consumer of one RabbitMQ queue."""

import asyncio
import contextlib
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

import aio_pika
from loguru import logger

from src.app.domain.common.exceptions import ExternalServiceError
from src.app.infrastructure.messaging.broker import Delivery
from src.app.infrastructure.messaging.clients import headers as house
from src.app.infrastructure.messaging.clients.rabbitmq_link import FAILURES, Link, asking

if TYPE_CHECKING:
    from aiormq.abc import AbstractChannel as RawChannel
    from aiormq.abc import DeliveredMessage

_REOPEN_EVERY = 1.0
_BROKERS_OWN = ("x-acquired-count", "x-death", "x-delivery-count", "x-first-death-", "x-last-death-", "CC", "BCC")


class Publisher(Protocol):
    async def send(self, outgoing: Sequence[tuple[aio_pika.Message, str]], *, queue: str) -> None: ...

    async def send_later(self, message: aio_pika.Message, *, queue: str, delay: float) -> None: ...


class RabbitMQSubscription:
    """Receives until it is closed, over as many channels as it takes, one after the other.

    When a channel is lost, RabbitMQ delivers what was open on it again; settling those older
    deliveries then does nothing.
    """

    def __init__(self, publisher: Publisher, link: Link, queue: str) -> None:
        self._publisher = publisher
        self._link = link
        self._queue = queue
        self._prefetch = 0
        self._raw: RawChannel | None = None
        self._tag: str | None = None
        self._arrived: deque[Delivery] = deque()
        self._arrival = asyncio.Event()
        self._open: OrderedDict[int, None] = OrderedDict()  # delivery tags, ascending
        self._consuming: asyncio.Task[None] | None = None
        self._one_consumer = asyncio.Lock()
        self._cancelled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._keeping: asyncio.Task[None] | None = None

    async def receive(self, *, limit: int, wait: float) -> list[Delivery]:
        # What is on its way to us is not with the others, so no more than is asked for.
        if limit > self._prefetch:
            self._prefetch = limit
            if self._raw is not None:
                # Cancelled in the middle, aiormq would close the channel and all that is open
                # on it would come again; so this goes on when `receive` is cancelled.
                self._consuming = asyncio.create_task(self._consume_quietly(self._raw))
                await asyncio.wait({self._consuming})
        if not self._arrived:
            self._arrival.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._arrival.wait()
        return [self._arrived.popleft() for _ in range(min(limit, len(self._arrived)))]

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        settled = [tag for tag in map(self._tag_of, deliveries) if tag is not None]
        for tag in settled:
            del self._open[tag]
        lowest_open = next(iter(self._open), None)
        before = [tag for tag in settled if lowest_open is None or tag < lowest_open]
        with contextlib.suppress(*FAILURES):
            if before and self._raw is not None:
                await self._raw.basic_ack(max(before), multiple=True, wait=False)
            for tag in settled:
                if lowest_open is not None and tag > lowest_open and self._raw is not None:
                    await self._raw.basic_ack(tag, wait=False)

    async def retry(self, delivery: Delivery, *, delay: float, error: str) -> None:
        if self._tag_of(delivery) is None:
            return
        again = _copy(delivery, house.of_retry(delivery, error=error))
        await self._publisher.send_later(again, queue=self._queue, delay=delay)
        await self.done([delivery])

    async def dead(self, delivery: Delivery, *, reason: str, error: str) -> None:
        if self._tag_of(delivery) is None:
            return
        letter = _copy(delivery, house.of_dead(delivery, reason=reason, error=error))
        await self._publisher.send([(letter, f"{self._queue}.dead")], queue=f"{self._queue}.dead")
        await self.done([delivery])

    def _tag_of(self, delivery: Delivery) -> int | None:
        """Return its tag, or None when it was settled, or taken back with its channel."""
        message: DeliveredMessage = delivery.receipt  # type: ignore[assignment]
        if message.channel is not self._raw or message.delivery_tag not in self._open:
            return None
        return message.delivery_tag

    async def open(self) -> None:
        self._keeping = asyncio.create_task(self._keep(await self._open_channel()))

    async def close(self) -> None:
        """Close the channel, with which the broker takes back at once what is not settled."""
        if self._keeping is not None:
            self._keeping.cancel()
        raw, self._raw = self._raw, None
        if raw is not None:
            with contextlib.suppress(*FAILURES):
                await asyncio.wait_for(raw.close(), 2.0)

    async def _open_channel(self) -> "RawChannel":
        connection = await self._link.connection()
        await self._link.declare_queue(f"{self._queue}.dead")
        await self._link.declare_queue(self._queue)
        channel = connection.channel(publisher_confirms=False)
        await channel.initialize()
        raw = await channel.get_underlay_channel()
        raw.on_consumer_cancel_callbacks.add(self._on_cancel)
        self._cancelled = asyncio.get_running_loop().create_future()
        self._tag = None
        self._raw = raw
        if self._prefetch:
            await self._consume(raw)
        return raw

    async def _consume(self, raw: "RawChannel") -> None:
        async with self._one_consumer:
            # A new prefetch holds for new consumers only. What the old one received stays ours.
            if self._tag is not None:
                await raw.basic_cancel(self._tag)
            await raw.basic_qos(prefetch_count=self._prefetch)
            self._tag = (await raw.basic_consume(self._queue, self._on_message)).consumer_tag

    async def _consume_quietly(self, raw: "RawChannel") -> None:
        with contextlib.suppress(*FAILURES):  # the channel is lost, and `_keep` opens another
            await self._consume(raw)

    async def _on_message(self, message: "DeliveredMessage") -> None:
        if message.channel is self._raw and message.delivery_tag is not None:
            self._open[message.delivery_tag] = None
            self._arrived.append(_delivery(message))
            self._arrival.set()

    def _on_cancel(self, _: object) -> None:
        if not self._cancelled.done():
            self._cancelled.set_result(None)

    async def _keep(self, raw: "RawChannel") -> None:
        """Replace a channel that was lost, or whose queue was deleted or moved."""
        while True:
            await asyncio.wait({raw.closing, self._cancelled}, return_when=asyncio.FIRST_COMPLETED)
            logger.warning("The subscription to {} is interrupted", self._queue)
            self._raw = None
            self._open.clear()
            self._arrived.clear()
            self._link.forget_declarations()
            with contextlib.suppress(*FAILURES):
                await asyncio.wait_for(raw.close(), 2.0)
            raw = await self._reopen()
            logger.info("The subscription to {} goes on", self._queue)

    async def _reopen(self) -> "RawChannel":
        while True:
            try:
                with asking(f"does not give out {self._queue}"):
                    return await self._open_channel()
            except ExternalServiceError as error:
                logger.debug("{}", error)
            await asyncio.sleep(_REOPEN_EVERY)


def _delivery(message: "DeliveredMessage") -> Delivery:
    properties = message.header.properties
    raw_headers: Mapping[str, Any] = properties.headers or {}
    headers = {name: _text(value) for name, value in raw_headers.items() if not name.startswith(_BROKERS_OWN)}
    if properties.content_type:
        headers["content-type"] = properties.content_type
    before = raw_headers.get("x-delivery-count", int(bool(message.redelivered)))
    return Delivery(
        body=message.body,
        # Without the producer's there is none: RabbitMQ does not name messages.
        id=properties.message_id or uuid4().hex,
        key=headers.pop(house.KEY, ""),
        headers=headers,
        attempts=house.attempts_in(headers) + (before if isinstance(before, int) else 0),
        first_seen=house.first_seen_in(headers, otherwise=properties.timestamp or datetime.now(UTC)),
        receipt=message,
    )


def _copy(delivery: Delivery, more_headers: Mapping[str, str]) -> aio_pika.Message:
    """Return it as it came, with `more_headers`; what the broker wrote is not for a second time."""
    message: DeliveredMessage = delivery.receipt  # type: ignore[assignment]
    properties = message.header.properties
    raw_headers: Mapping[str, Any] = properties.headers or {}
    kept = {name: value for name, value in raw_headers.items() if not name.startswith(_BROKERS_OWN)}
    return aio_pika.Message(
        message.body,
        headers={**kept, **more_headers},
        content_type=properties.content_type,
        content_encoding=properties.content_encoding,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        priority=properties.priority,
        correlation_id=properties.correlation_id,
        reply_to=properties.reply_to,
        message_id=delivery.id,
        timestamp=properties.timestamp,
        type=properties.message_type,
        app_id=properties.app_id,
    )


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes | bytearray) else str(value)
