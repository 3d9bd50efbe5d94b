"""What the service says to a message broker, and hears from it, whichever broker it is.

`Broker` is the whole of it: publish a batch with confirms, receive a batch, settle each
message as done, to be retried, or dead. `clients/` holds one implementation a transport;
`mq_client` chooses among them by the scheme of the URL.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


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
