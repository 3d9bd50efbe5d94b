"""A member of the group that reads one Kafka topic and its retries."""

import asyncio
import contextlib
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, ConsumerStoppedError, KafkaError
from loguru import logger

from src.app.infrastructure.messaging.broker import Delivery
from src.app.infrastructure.messaging.clients import headers as house

_COMMIT_TIMEOUT = 5.0
_PAUSE = 0.2  # after a failure


class Producer(Protocol):
    async def send(
        self, topic: str, records: Sequence[tuple[bytes, bytes | None, list[tuple[str, bytes]], float | None]]
    ) -> None: ...


@dataclass(slots=True)
class _Progress:
    """How far one partition is read and settled."""

    following: int = 0
    committed: int = -1
    open: OrderedDict[int, None] = field(default_factory=OrderedDict)
    waiting: deque[Delivery] = field(default_factory=deque)  # retries that are not due yet

    @property
    def settled(self) -> int:
        """The first offset that must be read again after a crash."""
        return next(iter(self.open), self.following)


class KafkaSubscription(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, producer: Producer, consumer: AIOKafkaConsumer, queue: str) -> None:
        self._producer = producer
        self._consumer = consumer
        self._queue = queue
        self._retries = f"{queue}.retry"
        self._progress: dict[TopicPartition, _Progress] = {}
        self._is_member = False
        self._committing: asyncio.Task[None] | None = None

    async def receive(self, *, limit: int, wait: float) -> list[Delivery]:
        ends = time.monotonic() + wait
        while True:
            found = self._due(limit)
            if len(found) < limit:
                left = ends - time.monotonic()
                found += await self._read(limit - len(found), 0.0 if found else min(left, self._next_due_in()))
            if found or time.monotonic() >= ends:
                return found

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            progress, offset = _place(delivery)
            progress.open.pop(offset, None)
        await self._commit()

    async def retry(self, delivery: Delivery, *, delay: float, error: str) -> None:
        headers = {
            house.MESSAGE_ID: delivery.id,
            house.DUE: str(round((time.time() + delay) * 1000)),
            **house.of_retry(delivery, error=error),
        }
        await self._move(delivery, self._retries, headers, delay=delay)

    async def dead(self, delivery: Delivery, *, reason: str, error: str) -> None:
        await self._move(delivery, f"{self._queue}.dead", house.of_dead(delivery, reason=reason, error=error))

    async def _move(
        self, delivery: Delivery, topic: str, headers: dict[str, str], *, delay: float | None = None
    ) -> None:
        record: ConsumerRecord = delivery.receipt[0]  # type: ignore[index]
        kept = [(name, value) for name, value in record.headers if name not in headers and name != house.DUE]
        ours = [(name, value.encode()) for name, value in headers.items()]
        await self._producer.send(topic, [(delivery.body, record.key, kept + ours, delay)])
        await self.done([delivery])

    async def open(self) -> None:
        # In this order `start` does not wait for the group, which may take it minutes to let a
        # member in: as long as another one is at work on a batch.
        await self._consumer.start()
        self._consumer.subscribe([self._queue, self._retries], listener=self)

    async def close(self) -> None:
        """Leave the group, which gives the partitions to the others at once."""
        await self._commit()
        self._progress = {}
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            await asyncio.wait_for(self._consumer.stop(), 2 * _COMMIT_TIMEOUT)

    async def on_partitions_revoked(self, _revoked: Iterable[TopicPartition]) -> None:
        await self._commit()
        # A commit between two generations is refused, and aiokafka answers the refusal by
        # forgetting the generation that it is just about to join: no member would ever get in.
        self._is_member = False
        if self._committing is not None:
            self._committing.cancel()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Go on where we were in what we keep: a rebalance takes everything away for a moment,
        and what is in work would be delivered to us a second time."""
        kept: dict[TopicPartition, _Progress] = {}
        for partition in assigned:
            progress = self._progress.get(partition)
            if progress is None:
                continue
            committed = await self._consumer.committed(partition)
            if committed is None or committed <= progress.settled:  # nobody read it meanwhile
                self._consumer.seek(partition, progress.following)
                kept[partition] = progress
        self._progress = kept
        self._is_member = True

    async def _read(self, limit: int, wait: float) -> list[Delivery]:
        """Return what arrived; of the retries, keep what is not due yet."""
        found: list[Delivery] = []
        try:
            # `getmany` keeps to its time except during a rebalance. To be cancelled costs it
            # nothing: it takes the records after its last await.
            async with asyncio.timeout(max(0.0, wait) + 0.2):
                batches = await self._consumer.getmany(timeout_ms=round(max(0.0, wait) * 1000), max_records=limit)
        except TimeoutError:
            return found
        except ConsumerStoppedError:
            raise
        except (KafkaError, OSError) as error:
            logger.warning("Reading {} failed and is tried again: {}", self._queue, type(error).__name__)
            await asyncio.sleep(_PAUSE)
            return found
        for partition, records in batches.items():
            progress = self._progress.get(partition)
            if progress is None or records[0].offset < progress.following:  # new, or made anew
                progress = self._progress[partition] = _Progress()
            deliveries = [_delivery(progress, record) for record in records]
            progress.open.update(dict.fromkeys(record.offset for record in records))
            progress.following = records[-1].offset + 1
            if partition.topic == self._retries:
                progress.waiting.extend(deliveries)
                self._consumer.pause(partition)
            else:
                found += deliveries
        return found + self._due(limit - len(found))

    def _due(self, limit: int) -> list[Delivery]:
        now = time.time()
        found: list[Delivery] = []
        for partition, progress in self._progress.items():
            if not progress.waiting:
                continue
            while progress.waiting and len(found) < limit and _due_at(progress.waiting[0]) <= now:
                found.append(progress.waiting.popleft())
            if not progress.waiting and partition in self._consumer.assignment():
                self._consumer.resume(partition)
        return found

    def _next_due_in(self) -> float:
        heads = [_due_at(progress.waiting[0]) for progress in self._progress.values() if progress.waiting]
        return max(0.0, min(heads) - time.time()) if heads else float("inf")

    async def _commit(self) -> None:
        """Commit what is settled by now, or give up waiting for it: the next one covers it."""
        ends = time.monotonic() + _COMMIT_TIMEOUT
        while self._is_member and (offsets := self._to_commit()) and time.monotonic() < ends:
            if self._committing is None:
                self._committing = asyncio.create_task(self._commit_offsets(offsets))
            # Several may wait for one commit, and then one of them commits for all.
            await asyncio.wait({self._committing}, timeout=ends - time.monotonic())

    def _to_commit(self) -> dict[TopicPartition, int]:
        owned = self._consumer.assignment()
        return {
            partition: progress.settled
            for partition, progress in self._progress.items()
            if progress.settled > progress.committed and partition in owned
        }

    async def _commit_offsets(self, offsets: dict[TopicPartition, int]) -> None:
        committed = {partition: self._progress[partition] for partition in offsets}
        try:
            await self._consumer.commit(offsets)
            for partition, progress in committed.items():
                progress.committed = offsets[partition]
        except CommitFailedError:
            self._is_member = False  # until the group has let us in again
        except (KafkaError, OSError) as error:
            logger.warning("Kafka did not take the progress of {}: {}", self._queue, type(error).__name__)
            await asyncio.sleep(_PAUSE)
        finally:
            self._committing = None


def _delivery(progress: _Progress, record: ConsumerRecord) -> Delivery:
    headers = {name: value.decode(errors="replace") for name, value in record.headers if value is not None}
    when = datetime.fromtimestamp(record.timestamp / 1000, UTC) if record.timestamp > 0 else datetime.now(UTC)
    return Delivery(
        body=record.value or b"",
        # With the time, because offsets begin anew when a topic is made anew.
        id=headers.pop(house.MESSAGE_ID, "")
        or f"{record.topic}:{record.partition}:{record.offset}:{record.timestamp}",
        key=record.key.decode(errors="replace") if record.key else "",
        headers=headers,
        attempts=house.attempts_in(headers),
        first_seen=house.first_seen_in(headers, otherwise=when),
        receipt=(record, progress),
    )


def _place(delivery: Delivery) -> tuple[_Progress, int]:
    receipt: Any = delivery.receipt
    record, progress = receipt
    return progress, record.offset


def _due_at(delivery: Delivery) -> float:
    text = delivery.headers.get(house.DUE, "")
    return int(text) / 1000 if text.isascii() and text.isdigit() else 0.0
