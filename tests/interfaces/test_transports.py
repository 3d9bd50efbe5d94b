"""The story of a message through each transport: a plain producer, the real processes, a plain listener."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import aio_pika
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from redis.asyncio import Redis

from src.app.infrastructure.bootstrap import Process
from src.app.infrastructure.repositories.users_repository import UsersPSQLRepository
from tests.builders.processes import CONSUME, RELAY, started
from tests.builders.users import an_email
from tests.builders.waiting import until


class Outside(Protocol):
    """What another system does with the broker, by the broker's own library."""

    async def put(self, queue: str, body: bytes) -> None: ...

    async def heard(self) -> list[bytes]:
        """Return what has come on the exchange since the start."""


class OutsideRedis:
    def __init__(self, redis: Redis, exchange: str) -> None:
        self._redis = redis
        self._exchange = exchange

    async def put(self, queue: str, body: bytes) -> None:
        await self._redis.xadd(queue, {"message": body})

    async def heard(self) -> list[bytes]:
        entries: Any = await self._redis.xrange(self._exchange)
        return [fields[b"message"] for _, fields in entries]


class OutsideRabbitMQ:
    def __init__(self, channel: aio_pika.abc.AbstractChannel, listening: aio_pika.abc.AbstractQueue) -> None:
        self._channel = channel
        self._listening = listening
        self._heard: list[bytes] = []

    async def put(self, queue: str, body: bytes) -> None:
        await self._channel.default_exchange.publish(aio_pika.Message(body), routing_key=queue)

    async def heard(self) -> list[bytes]:
        while message := await self._listening.get(fail=False, no_ack=True):
            self._heard.append(message.body)
        return self._heard


class OutsideKafka:
    def __init__(self, producer: AIOKafkaProducer, consumer: AIOKafkaConsumer) -> None:
        self._producer = producer
        self._consumer = consumer
        self._heard: list[bytes] = []

    async def put(self, queue: str, body: bytes) -> None:
        await self._producer.send_and_wait(queue, body)

    async def heard(self) -> list[bytes]:
        for records in (await self._consumer.getmany(timeout_ms=100)).values():
            self._heard += [record.value for record in records]
        return self._heard


@asynccontextmanager
async def outside(url: str, exchange: str) -> AsyncIterator[Outside]:
    if url.startswith("redis"):
        async with Redis.from_url(url) as redis:
            yield OutsideRedis(redis, exchange)
    elif url.startswith("amqp"):
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            topic = await channel.declare_exchange(exchange, aio_pika.ExchangeType.TOPIC, durable=True)
            listening = await channel.declare_queue(exclusive=True)
            await listening.bind(topic, "user.*")
            yield OutsideRabbitMQ(channel, listening)
    else:
        address = url.removeprefix("kafka://")
        async with (
            AIOKafkaProducer(bootstrap_servers=address) as producer,
            AIOKafkaConsumer(exchange, bootstrap_servers=address, auto_offset_reset="earliest") as consumer,
        ):
            yield OutsideKafka(producer, consumer)


class TestTransports:
    @pytest.mark.parametrize("fixture", ["redis_url", "amqp_url", "noida_url"])
    async def test_a_plain_message_makes_one_user_and_everyone_hears_of_it(
        self,
        process: Process,
        environment: Mapping[str, str],
        tmp_path: Path,
        request: pytest.FixtureRequest,
        fixture: str,
    ) -> None:
        url: str = request.getfixturevalue(fixture)
        queue, exchange, email = f"test.{uuid4().hex}", f"test.{uuid4().hex}", an_email()
        variables = {
            **environment, "MESSAGE_BROKER_URL": url, "DEFAULT_QUEUE": queue, "DEFAULT_EXCHANGER": exchange
        }  # fmt: skip
        body = {"event": "user.create", "id": "m-1", "data": {"email": email, "first_name": "Ada"}}
        users = UsersPSQLRepository(process.database)

        async with (
            outside(url, exchange) as other,
            started(CONSUME, variables, tmp_path) as consumer,
            started(RELAY, variables, tmp_path) as relay,
        ):
            await other.put(queue, json.dumps(body).encode())
            await other.put(queue, json.dumps(body).encode())
            await until(lambda: users.exists({"email": email}), within=30)
            await until(lambda: self.is_told(other), within=30)
            assert await consumer.stop() == 0
            assert await relay.stop() == 0

        assert await users.count({"email": email, "first_name": "Ada"}) == 1
        assert await process.database.pool.fetchval("SELECT count(*) FROM dead_letters") == 0

    async def is_told(self, other: Outside) -> bool:
        return any(json.loads(message)["event"] == "user.registered" for message in await other.heard())
