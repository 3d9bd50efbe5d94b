"""What every transport promises, against the real brokers."""

import asyncio
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import aio_pika
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from redis.asyncio import Redis

from src.app.domain.common.exceptions import ExternalServiceError
from src.app.infrastructure.messaging.broker import Broker, Delivery, Message, Subscription
from src.app.infrastructure.messaging.clients.kafka_client import KafkaBroker
from src.app.infrastructure.messaging.clients.rabbitmq_client import RabbitMQBroker
from src.app.infrastructure.messaging.clients.redis_streams_client import RedisStreamsBroker
from src.app.infrastructure.messaging.mq_client import BrokerOnDemand, MQClient, current_broker
from tests.infrastructure.messaging import consumer_to_be_killed, tansu_shim
from tests.infrastructure.messaging.wire import Wire

pytestmark = pytest.mark.asyncio

Connect = Callable[[], AbstractAsyncContextManager[Broker]]

ANY_BYTES = bytes(range(256)) + b'\xff\xfe{"event": '


def connection(
    transport: str, url: str, *, group: str, timeout: float = 5.0
) -> AbstractAsyncContextManager[Broker]:
    """Connect as a process of `group` would, with takeovers faster than in production."""
    if transport == "rabbitmq":
        return RabbitMQBroker.connect(url, timeout=timeout)
    if transport == "redis":
        return RedisStreamsBroker.connect(url, group=group, claim_after=1.0, timeout=timeout)
    return KafkaBroker.connect(url, group=group, session=consumer_to_be_killed.SESSION, timeout=2 * timeout)


URLS = {"rabbitmq": "amqp_url", "redis": "redis_url", "noida": "noida_url", "tansu": "tansu_url"}


# Tansu needs ten seconds to let a member in that has left before, so it runs only what noida
# cannot show: what happens when the members of a group come, go and die.
@pytest.fixture(params=["rabbitmq", "redis", "noida"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    if name == "tansu":
        tansu_shim.install(monkeypatch)
    return name


@pytest.fixture
def url(transport: str, request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(URLS[transport])
    return url


@pytest.fixture
def group() -> str:
    return f"group-{uuid4().hex[:8]}"


@pytest.fixture
def connect(transport: str, url: str, group: str) -> Connect:
    return lambda: connection(transport, url, group=group)


@pytest_asyncio.fixture
async def broker(connect: Connect) -> AsyncIterator[Broker]:
    async with connect() as broker:
        yield broker


@pytest.fixture
def queue() -> str:
    return f"test.{uuid4().hex[:12]}"


async def take(subscription: Subscription, count: int, *, within: float = 20.0) -> list[Delivery]:
    """Receive until there are `count`, without settling."""
    taken: list[Delivery] = []
    ends = time.monotonic() + within
    while len(taken) < count and time.monotonic() < ends:
        taken += await subscription.receive(limit=200, wait=0.5)
    assert len(taken) == count
    return taken


async def take_and_settle(subscription: Subscription, count: int) -> list[Delivery]:
    taken: list[Delivery] = []
    ends = time.monotonic() + 20.0
    while len(taken) < count and time.monotonic() < ends:
        arrived = await subscription.receive(limit=200, wait=0.5)
        await subscription.done(arrived)
        taken += arrived
    assert len(taken) == count
    return taken


async def publish_at_last(broker: Broker, outgoing: list[Message], queue: str) -> None:
    ends = time.monotonic() + 15
    while True:
        try:
            return await broker.publish(outgoing, queue=queue)
        except ExternalServiceError:
            assert time.monotonic() < ends
            await asyncio.sleep(0.1)


def messages(count: int, *, key: str = "") -> list[Message]:
    return [Message(body=b"%d" % number, id=uuid4().hex, event="test", key=key) for number in range(count)]


class TestPublish:
    async def test_it_arrives_with_its_body_id_key_and_headers(self, broker: Broker, queue: str) -> None:
        await broker.publish(
            [Message(body=b"{}", id="id-1", event="e", key="käse", headers={"traceparent": "00-ab", "ü": "é"})],
            queue=queue,
        )

        async with broker.subscribe(queue) as subscription:
            (delivery,) = await take(subscription, 1)

        assert delivery.body == b"{}"
        assert delivery.id == "id-1"
        assert delivery.key == "käse"
        assert delivery.headers == {"traceparent": "00-ab", "ü": "é"}
        assert delivery.attempts == 0
        assert abs(delivery.first_seen - datetime.now(UTC)) < timedelta(seconds=30)

    async def test_a_body_of_any_bytes_survives(self, broker: Broker, queue: str) -> None:
        bodies = [b"", ANY_BYTES, b"x" * 300_000]
        await broker.publish([Message(body=body, key="one") for body in bodies], queue=queue)

        async with broker.subscribe(queue) as subscription:
            taken = await take(subscription, 3)

        assert [delivery.body for delivery in taken] == bodies

    async def test_without_an_id_each_gets_one_of_its_own(self, broker: Broker, queue: str) -> None:
        await broker.publish([Message(body=b"same"), Message(body=b"same")], queue=queue)

        async with broker.subscribe(queue) as subscription:
            taken = await take(subscription, 2)

        assert len({delivery.id for delivery in taken} - {""}) == 2

    async def test_a_thousand_arrive_once_each(self, broker: Broker, queue: str) -> None:
        outgoing = messages(1_000)
        await broker.publish(outgoing, queue=queue)

        async with broker.subscribe(queue) as subscription:
            taken = await take_and_settle(subscription, 1_000)
            assert await subscription.receive(limit=10, wait=0.3) == []

        assert {delivery.id for delivery in taken} == {message.id for message in outgoing}

    async def test_those_of_one_key_keep_their_order(self, broker: Broker, queue: str) -> None:
        await broker.publish(messages(150, key="a") + messages(150, key="b"), queue=queue)

        async with broker.subscribe(queue) as subscription:
            taken = await take_and_settle(subscription, 300)

        for key in ("a", "b"):
            assert [int(delivery.body) for delivery in taken if delivery.key == key] == list(range(150))

    async def test_several_tasks_may_publish_at_once(self, broker: Broker, queue: str) -> None:
        await asyncio.gather(*(broker.publish(messages(20), queue=queue) for _ in range(20)))

        async with broker.subscribe(queue) as subscription:
            await take_and_settle(subscription, 400)

    async def test_an_exchange_without_readers_is_no_error(self, broker: Broker, queue: str) -> None:
        await broker.publish(messages(3), exchange=queue)

    async def test_ping_answers(self, broker: Broker) -> None:
        await broker.ping()


class TestReceive:
    async def test_it_takes_no_more_than_the_limit(self, broker: Broker, queue: str) -> None:
        await broker.publish(messages(30), queue=queue)

        async with broker.subscribe(queue) as subscription:
            sizes: list[int] = []
            while sum(sizes) < 30:
                arrived = await subscription.receive(limit=7, wait=5.0)
                await subscription.done(arrived)
                sizes.append(len(arrived))

        assert max(sizes) <= 7

    async def test_it_waits_no_longer_than_asked(self, broker: Broker, queue: str) -> None:
        async with broker.subscribe(queue) as subscription:
            started = time.monotonic()
            assert await subscription.receive(limit=10, wait=0.3) == []
            assert time.monotonic() - started < 1.0

    async def test_one_that_is_cancelled_loses_nothing(self, broker: Broker, queue: str) -> None:
        async with broker.subscribe(queue) as subscription:
            taken: list[Delivery] = []
            await broker.publish(messages(100), queue=queue)
            for _ in range(30):
                receiving = asyncio.create_task(subscription.receive(limit=5, wait=1.0))
                await asyncio.sleep(0.003)
                receiving.cancel()
                if (await asyncio.gather(receiving, return_exceptions=True))[0].__class__ is list:
                    taken += receiving.result()
            taken += await take(subscription, 100 - len(taken))

        assert {int(delivery.body) for delivery in taken} == set(range(100))

    @pytest.mark.parametrize("transport", [*URLS], indirect=True)
    async def test_two_subscriptions_share_the_work(self, connect: Connect, queue: str) -> None:
        published: set[str] = set()
        shares: list[list[str]] = [[], []]
        all_published = asyncio.Event()

        async def work(broker: Broker, share: list[str]) -> None:
            async with broker.subscribe(queue) as subscription:
                ends = time.monotonic() + 30
                while not (all_published.is_set() and published <= {*shares[0], *shares[1]}):
                    arrived = await subscription.receive(limit=10, wait=0.2)
                    await subscription.done(arrived)
                    share += [delivery.id for delivery in arrived]
                    assert time.monotonic() < ends

        async with connect() as first, connect() as second:
            working = asyncio.gather(work(first, shares[0]), work(second, shares[1]))
            # On Kafka the first has everything until the second has joined.
            while min(map(len, shares)) < 20 and not working.done():
                keys = [str(len(published) + number) for number in range(20)]
                await first.publish([Message(body=b"", id=key, key=key) for key in keys], queue=queue)
                published.update(keys)
                await asyncio.sleep(0.05)
            all_published.set()
            await working

        assert {*shares[0], *shares[1]} == published
        assert len(shares[0]) + len(shares[1]) == len(published)

    @pytest.mark.parametrize("transport", ["rabbitmq", "redis", "tansu"], indirect=True)
    async def test_what_a_killed_consumer_held_comes_again(
        self, transport: str, url: str, group: str, connect: Connect, queue: str
    ) -> None:
        async with connect() as broker:
            await broker.publish([Message(body=b"", id="a", key="a"), Message(body=b"", id="b")], queue=queue)
            consumer = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", consumer_to_be_killed.__name__, transport, url, group, queue),
                stdout=asyncio.subprocess.PIPE,
            )
            try:
                assert consumer.stdout is not None
                assert await consumer.stdout.readline() == b"received 2\n"
            finally:
                consumer.kill()
                await consumer.wait()
            async with broker.subscribe(queue) as subscription:
                again = await take_and_settle(subscription, 2)

        assert {delivery.id for delivery in again} == {"a", "b"}
        if transport != "tansu":  # Kafka does not count deliveries
            assert {delivery.attempts for delivery in again} == {1}

    @pytest.mark.parametrize("transport", ["redis"], indirect=True)
    async def test_what_a_living_consumer_works_on_is_not_taken_from_it(
        self, connect: Connect, queue: str
    ) -> None:
        async with connect() as broker, broker.subscribe(queue) as slow, broker.subscribe(queue) as other:
            await broker.publish(messages(3), queue=queue)
            held = await take(slow, 3)
            assert await other.receive(limit=10, wait=2.5) == []
            await slow.done(held)


@pytest.mark.parametrize("transport", ["rabbitmq", "redis"], indirect=True)
class TestInterruption:
    """The network goes away for a while; with Kafka, clients do not keep to the given address."""

    async def test_a_subscription_goes_on_by_itself(
        self, transport: str, url: str, group: str, queue: str
    ) -> None:
        async with (
            Wire(url) as wire,
            connection(transport, wire.url, group=group) as broker,
            broker.subscribe(queue) as subscription,
        ):
            await broker.publish(messages(2), queue=queue)
            before = await take(subscription, 2)
            await wire.cut()
            await subscription.done(before[:1])
            assert await subscription.receive(limit=10, wait=0.5) == []
            wire.mend()
            await publish_at_last(broker, [Message(body=b"new", id="new")], queue)
            after = await take(subscription, 1 if transport == "redis" else 3, within=10)
            await subscription.done([*before, *after])
            assert await subscription.receive(limit=10, wait=0.5) == []

        # RabbitMQ takes back what was open on a lost connection. Redis knows no connections:
        # what was held is held still.
        assert {delivery.id for delivery in after} == {"new"} | (
            set() if transport == "redis" else {delivery.id for delivery in before}
        )

    async def test_publishing_into_a_black_hole_ends(
        self, transport: str, url: str, group: str, queue: str
    ) -> None:
        async with Wire(url) as wire, connection(transport, wire.url, group=group, timeout=0.5) as broker:
            await broker.publish(messages(1), queue=queue)
            wire.swallow()
            started = time.monotonic()
            with pytest.raises(ExternalServiceError):
                await broker.publish(messages(1), queue=queue)
            assert time.monotonic() - started < 5


class TestDone:
    async def test_what_is_done_does_not_come_again(self, connect: Connect, queue: str) -> None:
        async with connect() as broker, broker.subscribe(queue) as subscription:
            await broker.publish(messages(10), queue=queue)
            await subscription.done(await take(subscription, 10))
        async with connect() as broker, broker.subscribe(queue) as subscription:
            assert await subscription.receive(limit=10, wait=1.0) == []

    async def test_what_is_not_settled_comes_again_after_leaving(self, connect: Connect, queue: str) -> None:
        async with connect() as broker, broker.subscribe(queue) as subscription:
            await broker.publish(messages(10, key="one"), queue=queue)
            taken = await take(subscription, 10)
            # Out of order, and with holes: only the odd ones remain.
            await subscription.done([taken[4], taken[2], taken[0]])
            await subscription.done([taken[8], taken[6]])
        async with connect() as broker, broker.subscribe(queue) as subscription:
            again = await take_and_settle(subscription, 9 if isinstance(broker, KafkaBroker) else 5)

        # Kafka remembers one offset: what was done after the first open one comes again.
        assert {1, 3, 5, 7, 9} <= {int(delivery.body) for delivery in again}
        assert {delivery.id for delivery in again} <= {delivery.id for delivery in taken}

    async def test_settling_twice_harms_nobody(self, broker: Broker, queue: str) -> None:
        async with broker.subscribe(queue) as subscription:
            await broker.publish(messages(2), queue=queue)
            taken = await take(subscription, 2)
            await subscription.done(taken)
            await subscription.done(taken)
            await broker.publish(messages(1), queue=queue)
            await take_and_settle(subscription, 1)


class TestRetry:
    async def test_it_comes_after_its_delay_and_holds_up_nobody(self, broker: Broker, queue: str) -> None:
        await broker.publish([Message(body=ANY_BYTES, id="slow", key="k", headers={"h": "v"})], queue=queue)

        async with broker.subscribe(queue) as subscription:
            (first,) = await take(subscription, 1)
            await subscription.retry(first, delay=2.0, error="not yet")
            started = time.monotonic()
            await broker.publish(messages(20, key="k"), queue=queue)
            await take_and_settle(subscription, 20)
            meanwhile = time.monotonic() - started
            (second,) = await take(subscription, 1)
            waited = time.monotonic() - started
            await subscription.done([second])

        assert meanwhile < 1.5
        assert 1.7 < waited < 4.5
        assert (second.body, second.id, second.key, second.headers["h"]) == (ANY_BYTES, "slow", "k", "v")
        assert (second.attempts, second.headers["x-last-error"]) == (1, "not yet")
        assert second.first_seen == first.first_seen

    async def test_a_short_delay_does_not_wait_for_a_long_one(self, broker: Broker, queue: str) -> None:
        await broker.publish([Message(body=b"long"), Message(body=b"short")], queue=queue)

        async with broker.subscribe(queue) as subscription:
            taken = {delivery.body: delivery for delivery in await take(subscription, 2)}
            await subscription.retry(taken[b"long"], delay=60, error="")
            await subscription.retry(taken[b"short"], delay=1, error="")
            (second,) = await take(subscription, 1, within=5)

        assert second.body == b"short"

    async def test_attempts_and_id_survive_several(self, broker: Broker, queue: str) -> None:
        await broker.publish([Message(body=b"")], queue=queue)

        async with broker.subscribe(queue) as subscription:
            seen = await take(subscription, 1)
            for _ in range(3):
                await subscription.retry(seen[-1], delay=0.2, error="")
                seen += await take(subscription, 1)
            await subscription.done(seen[-1:])

        assert [delivery.attempts for delivery in seen] == [0, 1, 2, 3]
        assert len({(delivery.id, delivery.first_seen) for delivery in seen[1:]}) == 1
        assert seen[0].id == seen[1].id

    async def test_it_waits_on_when_its_consumer_leaves(self, connect: Connect, queue: str) -> None:
        async with connect() as broker, broker.subscribe(queue) as subscription:
            await broker.publish([Message(body=b"", id="a")], queue=queue)
            await subscription.retry((await take(subscription, 1))[0], delay=1.0, error="")
        async with connect() as broker, broker.subscribe(queue) as subscription:
            (delivery,) = await take(subscription, 1)

        assert (delivery.id, delivery.attempts) == ("a", 1)


class TestDead:
    async def test_it_lies_in_the_dead_letters_with_its_reason(self, broker: Broker, queue: str) -> None:
        await broker.publish([Message(body=ANY_BYTES, id="bad", key="k", headers={"h": "v"})], queue=queue)

        async with broker.subscribe(queue) as subscription:
            (first,) = await take(subscription, 1)
            await subscription.dead(first, reason="invalid", error="No JSON: " + "é" * 9_000)
            assert await subscription.receive(limit=1, wait=0.3) == []
        async with broker.subscribe(f"{queue}.dead") as letters:
            (letter,) = await take(letters, 1)

        assert (letter.body, letter.id, letter.key) == (ANY_BYTES, "bad", "k")
        assert letter.headers["h"] == "v"
        assert letter.headers["x-dead-reason"] == "invalid"
        assert letter.headers["x-dead-error"].startswith("No JSON: é")
        assert letter.headers["x-attempts"] == "0"
        assert datetime.fromisoformat(letter.headers["x-first-seen"]) == first.first_seen


class TestForeignMessages:
    """What other programs publish, without our headers and in other shapes."""

    async def test_rabbitmq(self, amqp_url: str, queue: str) -> None:
        async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
            # A queue that somebody else has made, of another type, is taken as it is.
            await channel.declare_queue(queue, durable=True)
            plain = aio_pika.Message(b"plain", headers={"number": 7, "list": [1], "x-attempts": "many"})
            rich = aio_pika.Message(b"rich", content_type="application/cloudevents+json", message_id="m")
            for message in (plain, rich):
                await channel.default_exchange.publish(message, routing_key=queue)

            async with RabbitMQBroker.connect(amqp_url) as broker, broker.subscribe(queue) as subscription:
                first, second = await take(subscription, 2)
                await subscription.retry(first, delay=0, error="")
                (again,) = await take(subscription, 1)
                await subscription.done([second, again])

        assert first.headers["number"] == "7"
        assert (first.attempts, again.attempts, again.headers["list"]) == (0, 1, "[1]")
        assert (second.id, second.headers["content-type"]) == ("m", "application/cloudevents+json")

    async def test_redis(self, redis_url: str, queue: str, group: str) -> None:
        async with Redis.from_url(redis_url) as redis:
            entry: Any = await redis.xadd(queue, {"message": b"plain"})
            await redis.xadd(queue, {"something": "else"})

            async with (
                RedisStreamsBroker.connect(redis_url, group=group) as broker,
                broker.subscribe(queue) as subscription,
            ):
                first, second = await take(subscription, 2)
                await subscription.dead(second, reason="", error="")
                await subscription.done([first])

            assert (first.body, first.id, first.headers) == (b"plain", f"{queue}:{entry.decode()}", {})
            assert (second.body, second.headers) == (b"", {"something": "else"})
            assert await redis.xlen(queue) == 0
            letters: Any = await redis.xrange(f"{queue}.dead")
            assert letters[0][1][b"something"] == b"else"

    async def test_kafka(self, noida_url: str, queue: str, group: str) -> None:
        async with (
            KafkaBroker.connect(noida_url, group=group) as broker,
            broker.subscribe(queue) as subscription,
            AIOKafkaProducer(bootstrap_servers=noida_url.removeprefix("kafka://")) as producer,
        ):
            await producer.send_and_wait(queue, None, key=b"\xff", headers=[("h", b"\xff"), ("h", b"2")])
            (first,) = await take(subscription, 1)
            await subscription.retry(first, delay=0, error="")
            (again,) = await take(subscription, 1)
            await subscription.done([again])

        assert (first.body, first.id.startswith(f"{queue}:"), first.headers) == (b"", True, {"h": "2"})
        assert (again.id, again.key, again.attempts) == (first.id, first.key, 1)


class TestRabbitMQTopology:
    async def test_a_topic_exchange_routes_by_event(self, amqp_url: str, queue: str) -> None:
        async with RabbitMQBroker.connect(amqp_url) as broker:
            await broker.publish([Message(body=b"nobody", event="user.created")], exchange=f"{queue}.events")
            async with (
                broker.subscribe(queue) as subscription,
                await aio_pika.connect(amqp_url) as connection,
                connection.channel() as channel,
            ):
                exchange = await channel.get_exchange(f"{queue}.events")
                await (await channel.get_queue(queue)).bind(exchange, "user.*")
                await broker.publish(
                    [Message(body=b"1", event="user.created"), Message(body=b"2", event="plan.created")],
                    exchange=f"{queue}.events",
                )
                (delivery,) = await take(subscription, 1)
                await exchange.delete()

        assert delivery.body == b"1"

    async def test_a_queue_that_was_deleted_is_an_error_once(self, amqp_url: str, queue: str) -> None:
        async with RabbitMQBroker.connect(amqp_url) as broker:
            await broker.publish(messages(1), queue=queue)
            async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
                await channel.queue_delete(queue)
            with pytest.raises(ExternalServiceError):
                await broker.publish(messages(3), queue=queue)
            await broker.publish(messages(3), queue=queue)
            async with broker.subscribe(queue) as subscription:
                await take_and_settle(subscription, 3)

    async def test_a_subscription_survives_that_its_queue_is_deleted(self, amqp_url: str, queue: str) -> None:
        async with RabbitMQBroker.connect(amqp_url) as broker, broker.subscribe(queue) as subscription:
            await subscription.receive(limit=10, wait=0.1)
            async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
                await channel.queue_delete(queue)
            await asyncio.sleep(0.3)
            await publish_at_last(broker, messages(2), queue)
            await take_and_settle(subscription, 2)


class TestMQClient:
    async def test_events_go_out_and_come_in(self, redis_url: str, group: str, queue: str) -> None:
        client = MQClient()
        connect = partial(RedisStreamsBroker.connect, redis_url, group=group)
        broker = BrokerOnDemand(connect, (stack := AsyncExitStack()), default_queue=queue)
        async with stack:
            stack.enter_context(current_broker.use(broker))
            await client.produce_messages(messages={"event": "one", "data": {"n": 1}})
            await broker.publish([Message(body=b"{no json")], queue=queue)
            await client.produce_messages(messages=[{"event": "two", "data": {}}], queue_name=queue)

            async with aclosing(client.consume()) as events:
                assert await anext(events) == {"event": "one", "data": {"n": 1}}
                assert (await anext(events))["event"] == "two"
            # The second was being worked on when the loop was left.
            async with aclosing(client.consume()) as events:
                assert (await anext(events))["event"] == "two"
            async with broker.subscribe(f"{queue}.dead") as letters:
                assert [letter.body for letter in await take(letters, 1)] == [b"{no json"]


@pytest.mark.parametrize("scheme", ["amqp", "kafka", "redis"])
class TestWithoutABroker:
    @pytest.fixture
    def unreachable(self, scheme: str) -> Connect:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"{scheme}://127.0.0.1:{free.getsockname()[1]}"
        if scheme == "amqp":
            return lambda: RabbitMQBroker.connect(url, timeout=2.0)
        if scheme == "kafka":
            return lambda: KafkaBroker.connect(url, group="allium", timeout=2.0)
        return lambda: RedisStreamsBroker.connect(url, group="allium")

    async def test_each_says_so_in_bounded_time(self, unreachable: Connect) -> None:
        started = time.monotonic()
        async with unreachable() as broker:
            with pytest.raises(ExternalServiceError):
                await broker.publish(messages(1), queue="q")
            with pytest.raises(ExternalServiceError):
                await broker.ping()
            with pytest.raises(ExternalServiceError):
                async with broker.subscribe("q"):
                    pass

        assert time.monotonic() - started < 15
