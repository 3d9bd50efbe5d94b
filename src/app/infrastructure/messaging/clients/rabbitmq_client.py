"""Messages over RabbitMQ (3.10 to 4.x).

A queue is a durable quorum queue, published to through the default exchange; `exchange` is a
durable topic exchange. What is to be retried waits in one of a few delay queues, from which the
broker itself moves it back:

    publisher ──confirm──▶ <queue> ──deliver──▶ subscription ──done──▶ ack
                              ▲                     │  └──dead──▶ <queue>.dead, then ack
                              └── <queue>.retry.8s ◀┘ retry, then ack

Connections are plain ones, opened again by us: `connect_robust` makes a publish wait for the
broker without end, and cannot say that what it delivered before an interruption is void.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import aio_pika
from aio_pika.abc import AbstractChannel

from src.app.infrastructure.messaging.broker import Message
from src.app.infrastructure.messaging.clients import headers as house
from src.app.infrastructure.messaging.clients.rabbitmq_link import FAILURES, Link, asking
from src.app.infrastructure.messaging.clients.rabbitmq_subscription import RabbitMQSubscription

if TYPE_CHECKING:
    from aiormq import Channel as RawChannel

_CONFIRMS_IN_FLIGHT = 100
_LARGEST_STEP = 2**21  # seconds; RabbitMQ counts a TTL in 32 bits of milliseconds
_UNUSED_DELAY_QUEUE_LIVES = 7 * 24 * 3600  # seconds


class RabbitMQBroker:
    def __init__(self, url: str, *, connections: int, channels: int, timeout: float) -> None:
        self._url = url
        self._timeout = timeout
        links = [Link(url, name="allium publisher", timeout=timeout) for _ in range(max(1, connections))]
        self._links = links
        # The last one back is the next one out, so a lone publisher keeps to one connection.
        # Publishers do not share a channel: an error of one closes it under the others.
        self._publishers: asyncio.LifoQueue[_Publisher] = asyncio.LifoQueue()
        for number in reversed(range(max(1, channels))):
            self._publishers.put_nowait(_Publisher(links[number % len(links)]))

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(
        cls, url: str, *, connections: int = 5, channels: int = 10, timeout: float = 5.0
    ) -> AsyncIterator["RabbitMQBroker"]:
        """Serve the broker at `url`; connections are opened when they are needed.

        At most `channels` tasks publish at a time, over at most `connections` connections; each
        subscription has one of its own beside them. `timeout` is for every answer of the broker.
        """
        broker = cls(url, connections=connections, channels=channels, timeout=timeout)
        try:
            yield broker
        finally:
            for link in broker._links:
                await link.close()

    async def publish(self, messages: Sequence[Message], *, queue: str = "", exchange: str = "") -> None:
        outgoing = [(_outgoing(message), queue or message.event) for message in messages]
        await self.send(outgoing, queue=queue, exchange=exchange)

    async def send(
        self,
        outgoing: Sequence[tuple[aio_pika.Message, str]],
        *,
        queue: str = "",
        exchange: str = "",
        arguments: dict[str, Any] | None = None,
    ) -> None:
        """Publish messages with their routing keys, as `Broker.publish` says."""
        publisher = await self._publishers.get()
        try:
            with asking("did not confirm the messages"):
                await publisher.send(
                    outgoing, queue=queue, exchange=exchange, arguments=arguments, timeout=self._timeout
                )
        except BaseException:
            await publisher.discard()
            raise
        finally:
            self._publishers.put_nowait(publisher)

    async def send_later(self, message: aio_pika.Message, *, queue: str, delay: float) -> None:
        """Publish so that it reaches `queue` after `delay` seconds, rounded up to a power of two."""
        if delay <= 0:
            await self.send([(message, queue)], queue=queue)
            return
        # A queue gives up messages only from its head, so one queue for all delays would hold a
        # short one behind a long one. In a queue for each step the head is always the next.
        step = 0.25
        while step < delay and step < _LARGEST_STEP:
            step *= 2
        name = f"{queue}.retry.{step:g}s"
        await self.send([(message, name)], queue=name, arguments=_delay_arguments(queue, step))

    @contextlib.asynccontextmanager
    async def subscribe(self, queue: str) -> AsyncIterator[RabbitMQSubscription]:
        link = Link(self._url, name=f"allium consumer of {queue}", timeout=self._timeout)
        subscription = RabbitMQSubscription(self, link, queue)
        try:
            with asking(f"does not give out {queue}"):
                await subscription.open()
            yield subscription
        finally:
            await subscription.close()
            await link.close()

    async def ping(self) -> None:
        with asking("does not answer"):
            async with asyncio.timeout(self._timeout):
                connection = await self._links[0].connection()
                async with connection.channel(publisher_confirms=False):
                    pass


class _Publisher:
    """A channel with confirms, used by one task at a time."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._channel: AbstractChannel | None = None

    async def send(
        self,
        outgoing: Sequence[tuple[aio_pika.Message, str]],
        *,
        queue: str,
        exchange: str,
        arguments: dict[str, Any] | None,
        timeout: float,
    ) -> None:
        async with asyncio.timeout(timeout):
            raw = await self._open()
            if queue:
                await self._link.declare_queue(queue, arguments)
            else:
                await self._link.declare_exchange(exchange)
        for start in range(0, len(outgoing), _CONFIRMS_IN_FLIGHT):
            async with asyncio.timeout(timeout):
                await asyncio.gather(
                    *(
                        raw.basic_publish(
                            message.body,
                            exchange=exchange if not queue else "",
                            routing_key=routing_key,
                            properties=message.properties,
                            mandatory=bool(queue),
                            wait=False,
                        )
                        for message, routing_key in outgoing[start : start + _CONFIRMS_IN_FLIGHT]
                    )
                )

    async def _open(self) -> "RawChannel":
        connection = await self._link.connection()
        if self._channel is None or self._channel.is_closed:
            self._channel = connection.channel(publisher_confirms=True, on_return_raises=True)
            await self._channel.initialize()
        # Without aio-pika's message objects publishing costs a tenth less, receiving a third.
        return cast("RawChannel", await self._channel.get_underlay_channel())

    async def discard(self) -> None:
        """Close the channel: which of its messages are still to be confirmed is not known."""
        self._link.forget_declarations()
        channel, self._channel = self._channel, None
        if channel is not None:
            with contextlib.suppress(*FAILURES):
                await asyncio.wait_for(channel.close(), 1.0)


def _outgoing(message: Message) -> aio_pika.Message:
    headers: dict[str, Any] = dict(message.headers)
    content_type = headers.pop("content-type", None)
    if message.key:
        headers[house.KEY] = message.key
    return aio_pika.Message(
        message.body,
        headers=headers,
        content_type=content_type,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=message.id or None,
        timestamp=datetime.now(UTC),
        type=message.event or None,
    )


def _delay_arguments(queue: str, step: float) -> dict[str, Any]:
    return {
        "x-queue-type": "quorum",
        "x-message-ttl": round(step * 1000),
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": queue,
        # Else the broker forgets a message before its target has confirmed it.
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        # Publishing is not use, so what renews the expiry is that `Link` declares again each
        # hour. It must outlive every message, for it takes them along.
        "x-expires": round((step + _UNUSED_DELAY_QUEUE_LIVES) * 1000),
    }
