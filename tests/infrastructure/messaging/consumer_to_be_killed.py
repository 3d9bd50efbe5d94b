"""A process that receives two messages, says so, and never settles them."""

import asyncio
import sys

from src.app.infrastructure.messaging.clients.kafka_client import KafkaBroker
from src.app.infrastructure.messaging.clients.rabbitmq_client import RabbitMQBroker
from src.app.infrastructure.messaging.clients.redis_streams_client import RedisStreamsBroker


async def main(transport: str, url: str, group: str, queue: str) -> None:
    connections = {
        "rabbitmq": lambda: RabbitMQBroker.connect(url),
        "redis": lambda: RedisStreamsBroker.connect(url, group=group, claim_after=1.0),
        "tansu": lambda: KafkaBroker.connect(url, group=group, session=6.0),
    }
    async with connections[transport]() as broker, broker.subscribe(queue) as subscription:
        received = 0
        while received < 2:
            received += len(await subscription.receive(limit=10, wait=1.0))
        print("received", received, flush=True)
        await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
