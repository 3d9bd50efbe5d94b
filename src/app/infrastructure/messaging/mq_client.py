"""The broker of a process: which one it is, and the prototype's face of it, `mq_client`."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import orjson

from src.app.application.common.current import Current
from src.app.infrastructure.messaging.broker import Broker, Message, Subscription


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


class BrokerOnDemand:
    """A broker that is connected to when it is first spoken to: most processes never do."""

    def __init__(
        self,
        connect: Callable[[], AbstractAsyncContextManager[Broker]],
        stack: AsyncExitStack,
        *,
        default_queue: str,
    ) -> None:
        """`connect` is entered on `stack`, which closes the connection at its end."""
        self.default_queue = default_queue
        self._connect = connect
        self._stack = stack
        self._broker: Broker | None = None
        self._connecting = asyncio.Lock()

    async def publish(self, messages: Sequence[Message], *, queue: str = "", exchange: str = "") -> None:
        await (await self._connected()).publish(messages, queue=queue, exchange=exchange)

    @asynccontextmanager
    async def subscribe(self, queue: str) -> AsyncIterator[Subscription]:
        async with (await self._connected()).subscribe(queue) as subscription:
            yield subscription

    async def ping(self) -> None:
        await (await self._connected()).ping()

    async def _connected(self) -> Broker:
        async with self._connecting:
            if self._broker is None:
                self._broker = await self._stack.enter_async_context(self._connect())
            return self._broker


current_broker: Current[BrokerOnDemand] = Current("broker")


class MQClient:
    """The prototype's `mq_client`: whole events in and out, over the broker of this process."""

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
            await current_broker.get().publish(outgoing, queue=queue_name or current_broker.get().default_queue)
        else:
            await current_broker.get().publish(outgoing, exchange=exchanger_name)

    async def consume(self, queue_name: str = "") -> AsyncGenerator[dict[str, Any]]:
        """Yield the events of a queue, without end.

        Going on to the next one says that this one is done. One that was being worked on when the
        loop was left comes again. What is no JSON object goes to the dead letters.
        """
        async with current_broker.get().subscribe(
            queue_name or current_broker.get().default_queue
        ) as subscription:
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


mq_client = MQClient()
