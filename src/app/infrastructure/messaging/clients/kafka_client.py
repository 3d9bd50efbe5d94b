"""Messages over Kafka and what speaks its protocol.

A queue is a topic, and so is an exchange. A message's key chooses its partition, in which order
is kept. Kafka remembers one offset a partition, so only what lies before the first unsettled
message is ever committed. What is to be retried goes to the topic `<queue>.retry`, which the
same subscription reads, and is done in its own partition only when that is confirmed:

    <queue> ──▶ subscription ──done──▶ commit, once everything before it is settled
                  │    ▲  └────dead──▶ <queue>.dead
                  └──▶ <queue>.retry   one partition for each step of delay
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from urllib.parse import urlsplit

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from src.app.domain.common.exceptions import ExternalServiceError
from src.app.infrastructure.messaging.broker import Message
from src.app.infrastructure.messaging.clients import headers as house
from src.app.infrastructure.messaging.clients.kafka_subscription import KafkaSubscription

_PARTITIONS = 12  # divides evenly among 2, 3, 4, 6 and 12 consumers
_RETRY_STEPS = 16  # the last one is for what waits longer than 2 ** 14 seconds
_TOPIC_EXISTS = 36

_Headers = list[tuple[str, bytes]]


class KafkaBroker:
    def __init__(self, servers: list[str], *, group: str, session: float, timeout: float) -> None:
        self._servers = servers
        self._group = group
        self._session = session
        self._timeout = timeout
        self._starting = asyncio.Lock()
        self._started: AIOKafkaProducer | None = None
        self._making_topics = asyncio.Lock()
        self._topics: set[str] = set()

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(
        cls, url: str, *, group: str, session: float = 10.0, timeout: float = 10.0
    ) -> AsyncIterator["KafkaBroker"]:
        """Serve the cluster of `kafka://host:port[,host:port]`; it is asked when it is needed.

        `session` is how many seconds a consumer must be silent before others take over its
        partitions, `timeout` how many it may take to confirm a batch.
        """
        servers = [server for server in urlsplit(url).netloc.split(",") if server]
        broker = cls(servers, group=group, session=session, timeout=timeout)
        try:
            yield broker
        finally:
            if broker._started is not None:
                await broker._discard(broker._started)

    async def publish(self, messages: Sequence[Message], *, queue: str = "", exchange: str = "") -> None:
        topic = queue or exchange
        await self.send(
            topic, [(message.body, message.key.encode() or None, _headers(message), None) for message in messages]
        )

    async def send(
        self, topic: str, records: Sequence[tuple[bytes, bytes | None, _Headers, float | None]]
    ) -> None:
        """Publish body, key, headers and delay; with a delay the topic is one of retries."""
        with _asking(f"did not confirm the messages to {topic}"):
            async with asyncio.timeout(self._timeout):
                producer = await self._producer()
            try:
                async with asyncio.timeout(self._timeout):
                    await self._make_topics(topic)
                    steps = len(await producer.partitions_for(topic))
                confirmed = []
                async with asyncio.timeout(self._timeout):
                    for body, key, headers, delay in records:
                        partition = None if delay is None else _step(delay, steps)
                        confirmed.append(
                            await producer.send(topic, body, key=key, headers=headers, partition=partition)
                        )
                    await asyncio.gather(*confirmed)
            except (KafkaError, OSError, TimeoutError):
                # An idempotent producer that has lost count does not recover.
                await self._discard(producer)
                raise

    @contextlib.asynccontextmanager
    async def subscribe(self, queue: str) -> AsyncIterator[KafkaSubscription]:
        with _asking(f"does not give out {queue}"):
            async with asyncio.timeout(self._timeout):
                await self._make_topics(queue, f"{queue}.retry", f"{queue}.dead")
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # a new group does not skip what is already there
            isolation_level="read_committed",
            session_timeout_ms=round(self._session * 1000),
            heartbeat_interval_ms=round(self._session * 1000 / 4),
            request_timeout_ms=round(max(self._timeout, 2 * self._session) * 1000),
        )
        subscription = KafkaSubscription(self, consumer, queue)
        try:
            with _asking(f"does not give out {queue}"):
                async with asyncio.timeout(self._timeout):
                    await subscription.open()
            yield subscription
        finally:
            await subscription.close()

    async def ping(self) -> None:
        with _asking("does not answer"):
            async with asyncio.timeout(self._timeout):
                producer = await self._producer()
                await producer.client.fetch_all_metadata()

    async def _producer(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._started is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._servers,
                    acks="all",
                    enable_idempotence=True,
                    request_timeout_ms=round(self._timeout * 1000),
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._started = producer
            return self._started

    async def _discard(self, producer: AIOKafkaProducer) -> None:
        is_current = self._started is producer
        if not is_current:
            return  # another task was first
        self._started = None
        self._topics.clear()
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            await asyncio.wait_for(producer.stop(), 2.0)

    async def _make_topics(self, *topics: str) -> None:
        async with self._making_topics:
            if missing := [topic for topic in topics if topic not in self._topics]:
                await self._make(missing)
                self._topics.update(missing)

    async def _make(self, missing: list[str]) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._servers)
        try:
            await admin.start()
            # The broker's own default could only be asked for in a newer version of the request.
            copies = min(3, len((await admin.describe_cluster())["brokers"]))
            answer = await admin.create_topics([_new_topic(topic, copies) for topic in missing])
            refused = {
                topic: message
                for topic, code, message, *_ in answer.topic_errors
                if code not in (0, _TOPIC_EXISTS)
            }
            if refused:
                # Without the right to make topics it is enough that they are there.
                there = set(await admin.list_topics())
                if absent := {topic: why for topic, why in refused.items() if topic not in there}:
                    raise KafkaError(f"topics could not be made: {absent}")
        finally:
            await admin.close()


def _new_topic(name: str, copies: int) -> NewTopic:
    if name.endswith(".retry"):
        return NewTopic(name, num_partitions=_RETRY_STEPS, replication_factor=copies)
    if name.endswith(".dead"):
        return NewTopic(name, num_partitions=1, replication_factor=copies, topic_configs={"retention.ms": "-1"})
    return NewTopic(name, num_partitions=_PARTITIONS, replication_factor=copies)


def _step(delay: float, steps: int) -> int:
    """Choose the partition of retries that wait about as long: a partition is read in order,
    so among those of other delays a short one would wait for a long one."""
    return min(max(0, round(delay) - 1).bit_length(), steps - 1)


def _headers(message: Message) -> _Headers:
    headers = [(name, value.encode()) for name, value in message.headers.items()]
    if message.id:
        headers.append((house.MESSAGE_ID, message.id.encode()))
    return headers


@contextlib.contextmanager
def _asking(complaint: str) -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as error:
        raise ExternalServiceError(f"Kafka {complaint}: {error or type(error).__name__}") from error
