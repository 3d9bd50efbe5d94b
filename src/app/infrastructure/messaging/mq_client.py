"""What the service says to a message broker, and hears from it, whichever broker it is.

`Broker` is the whole of it: publish a batch with confirms, receive a batch, settle each
message as done, to be retried, or dead. `clients/` holds one implementation a transport;
`connect_broker` chooses by the scheme of the URL. `mq_client` is the prototype's face of it.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message on its way out.

    `id` names it for whoever must recognise a second delivery; messages of one `key` keep
    their order where the broker keeps order; `event` is the routing key where there is one.
    """

    body: bytes
    id: str = ""
    event: str = ""
    key: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message that arrived and must be settled once.

    `id` is the producer's message id, else the broker's name for it (topic, partition, offset and
    time; or stream and entry), the same on each redelivery. RabbitMQ names nothing: there, without
    the producer's, each redelivery has an id of its own until the first retry.

    `attempts` counts the deliveries before this one, to whomever and whether handled or not;
    Kafka does not count those that were never settled. `first_seen` is when it entered the broker,
    where that is known, else when it was first received; retries keep it. The letters in
    `<queue>.dead` carry what `Subscription.dead` wrote in their `headers`.
    """

    body: bytes
    id: str
    key: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    attempts: int = 0
    first_seen: datetime
    receipt: object


class Broker(Protocol):
    """One connection to a broker; safe to share between the tasks of one event loop."""

    async def publish(self, messages: Sequence[Message], *, queue: str = "", exchange: str = "") -> None:
        """Publish all of `messages` and wait until the broker has confirmed each.

        To `queue` (a queue, topic or stream of that name), or to `exchange` with the event as
        routing key; where the broker has no exchanges, that is a topic or stream of its name.

        Raises:
            ExternalServiceError: at least one was not confirmed in time; any of them may have
                been published, so the caller publishes the same batch again.
        """

    def subscribe(self, queue: str) -> AbstractAsyncContextManager["Subscription"]:
        """Join the consumers of `queue`, which is made if it does not exist."""

    async def ping(self) -> None:
        """Answer when the broker can be reached.

        Raises:
            ExternalServiceError: it cannot.
        """


class Subscription(Protocol):
    """A place among the consumers of one queue. What is not settled comes again."""

    async def receive(self, *, limit: int, wait: float) -> list[Delivery]:
        """Return what has arrived, at most `limit`; wait up to `wait` seconds for the first.

        It may be cancelled without losing anything. While the broker is away it returns nothing,
        and goes on when the broker is back.
        """

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        """Forget these: their effect is committed.

        It does not fail. What the broker has taken back meanwhile, because the connection or the
        partition was lost, comes again all the same.
        """

    async def retry(self, delivery: Delivery, *, delay: float, error: str) -> None:
        """Deliver it again after `delay` seconds, one attempt older; others are not held up.

        The delay may be rounded up to the next power of two. `error` travels along as
        `x-last-error`.

        Raises:
            ExternalServiceError: it is not settled; ask again, or leave.
        """

    async def dead(self, delivery: Delivery, *, reason: str, error: str) -> None:
        """Move it to `<queue>.dead`: its body and headers as they came, and beside them
        `x-dead-reason`, `x-dead-error`, `x-attempts` and `x-first-seen` (RFC 3339).

        Raises:
            ExternalServiceError: it is not settled; ask again, or leave.
        """


@asynccontextmanager
async def connect_broker(
    url: str, *, group: str, connections: int = 5, channels: int = 10
) -> AsyncIterator[Broker]:
    """Connect to the broker that the URL's scheme names: `amqp`, `kafka` or `redis`."""
    # Only the chosen transport is imported: each costs a process 10 to 30 MiB.
    scheme = urlsplit(url).scheme
    if scheme in {"amqp", "amqps"}:
        from src.app.infrastructure.messaging.clients.rabbitmq_client import RabbitMQBroker

        async with RabbitMQBroker.connect(url, connections=connections, channels=channels) as rabbitmq:
            yield rabbitmq
    elif scheme == "kafka":
        from src.app.infrastructure.messaging.clients.kafka_client import KafkaBroker

        async with KafkaBroker.connect(url, group=group) as kafka:
            yield kafka
    elif scheme in {"redis", "rediss"}:
        from src.app.infrastructure.messaging.clients.redis_streams_client import RedisStreamsBroker

        async with RedisStreamsBroker.connect(url, group=group) as redis_streams:
            yield redis_streams
    else:
        raise ValueError(f"No transport for {scheme!r}; MESSAGE_BROKER_URL takes amqp://, kafka:// or redis://")


class MQClient:
    """The prototype's `mq_client`: whole events in and out, over the broker of this process."""

    def __init__(self) -> None:
        self._broker: Broker | None = None
        self._queue = ""

    def use(self, broker: Broker | None, *, queue: str = "allium.in") -> None:
        """Speak to `broker` from now on, None when it is closed; `queue` is the default one."""
        self._broker = broker
        self._queue = queue

    async def produce_messages(
        self,
        messages: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        queue_name: str = "",
        exchanger_name: str = "",
    ) -> None:
        """Publish `{"event": …, "data": …}`, one or several, and wait until they are confirmed.

        They go to the queue where one is named, else to the exchange, else to the default queue.

        Raises:
            ExternalServiceError: as `Broker.publish` says.
        """
        events = [messages] if isinstance(messages, Mapping) else messages
        outgoing = [
            Message(
                body=orjson.dumps(dict(event)),
                id=str(event.get("id") or uuid4().hex),
                event=str(event.get("event", "")),
            )
            for event in events
        ]
        if queue_name or not exchanger_name:
            await self._running().publish(outgoing, queue=queue_name or self._queue)
        else:
            await self._running().publish(outgoing, exchange=exchanger_name)

    async def consume(self, queue_name: str = "") -> AsyncGenerator[dict[str, Any]]:
        """Yield the events of a queue, without end.

        Going on to the next one says that this one is done. One that was being worked on when the
        loop was left comes again. What is no JSON object goes to the dead letters.
        """
        async with self._running().subscribe(queue_name or self._queue) as subscription:
            while True:
                for delivery in await subscription.receive(limit=100, wait=1.0):
                    try:
                        event = orjson.loads(delivery.body)
                    except orjson.JSONDecodeError as error:
                        await subscription.dead(delivery, reason="INVALID_JSON", error=str(error))
                        continue
                    if not isinstance(event, dict):
                        await subscription.dead(delivery, reason="INVALID_JSON", error="It is not an object")
                        continue
                    yield event
                    await subscription.done([delivery])

    def _running(self) -> Broker:
        if self._broker is None:
            raise RuntimeError(
                "mq_client has no broker yet: it is given one by `bootstrap`, when a process starts"
            )
        return self._broker


mq_client = MQClient()
