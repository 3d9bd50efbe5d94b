"""The broker of a process: which one it is, and the prototype's face of it, `mq_client`."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import orjson

from src.app.infrastructure.messaging.broker import Broker, Message


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
