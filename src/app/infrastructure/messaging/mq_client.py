"""What the service says to a message broker, and hears from it, whichever broker it is.

`Broker` is the whole of it: publish a batch with confirms, receive a batch, settle each
message as done, to be retried, or dead. `clients/` holds one implementation a transport;
`connect_broker` chooses by the scheme of the URL.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit


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

    `id` is the broker's name for it (the producer's message id, else partition and offset, else
    the stream entry's id), the same on each redelivery. `attempts` counts the deliveries before
    this one.
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
        """Return what has arrived, at most `limit`; wait up to `wait` seconds for the first."""

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        """Forget these: their effect is committed."""

    async def retry(self, delivery: Delivery, *, delay: float, error: str) -> None:
        """Deliver it again after `delay` seconds, one attempt older; others are not held up."""

    async def dead(self, delivery: Delivery, *, reason: str, error: str) -> None:
        """Move it to `<queue>.dead`: its body and headers as they came, and beside them
        `x-dead-reason`, `x-dead-error`, `x-attempts` and `x-first-seen` (RFC 3339)."""


@asynccontextmanager
async def connect_broker(url: str, *, group: str, connections: int = 5, channels: int = 10) -> AsyncIterator[Broker]:
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
