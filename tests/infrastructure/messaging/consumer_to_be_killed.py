"""A process that receives two messages, says so, and never settles them."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from src.app.infrastructure.messaging.broker import Broker
from src.app.infrastructure.messaging.clients.kafka_client import KafkaBroker
from src.app.infrastructure.messaging.clients.rabbitmq_client import RabbitMQBroker
from src.app.infrastructure.messaging.clients.redis_streams_client import RedisStreamsBroker

SESSION = 6.0  # seconds; the least that Kafka accepts


async def main(transport: str, url: str, group: str, queue: str) -> None:
    connections: dict[str, Callable[[], AbstractAsyncContextManager[Broker]]] = {
        "rabbitmq": lambda: RabbitMQBroker.connect(url),
        "redis": lambda: RedisStreamsBroker.connect(url, group=group, claim_after=1.0),
        "tansu": lambda: KafkaBroker.connect(url, group=group, session=SESSION),
    }
    async with connections[transport]() as broker, broker.subscribe(queue) as subscription:
        received = 0
        while received < 2:
            received += len(await subscription.receive(limit=10, wait=1.0))
        sys.stdout.write(f"received {received}\n")
        sys.stdout.flush()
        await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
