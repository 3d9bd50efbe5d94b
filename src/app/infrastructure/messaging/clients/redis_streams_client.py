"""Messages over Redis Streams, for Redis ≥ 6.2 and Valkey.

A queue is a stream; an entry's field `message` is the body, its other fields are headers. What
is to be retried waits in the sorted set `<queue>.retry`; the dead are the stream `<queue>.dead`.

    XADD ──▶ stream ──XREADGROUP──▶ pending ──done──▶ XACK, XDEL
               ▲                       │  ▲──────────── XAUTOCLAIM, when its consumer died
               └── <queue>.retry ◀─────┴──▶ <queue>.dead

An entry is deleted when it is done, and never trimmed from a queue: trimming would drop what
nobody has handled yet. The scripts touch two keys, so a Redis Cluster is not supported.
"""

import asyncio
import contextlib
import itertools
import os
import socket
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from loguru import logger
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from src.app.domain.common.exceptions import ExternalServiceError
from src.app.infrastructure.messaging.broker import Delivery, Message
from src.app.infrastructure.messaging.clients import headers as house
from src.app.infrastructure.messaging.clients import redis_streams_scripts as scripts

_BODY = b"message"
_PUBLISHED_TOGETHER = 500
_SETTLED_TOGETHER = 1_000  # Lua cannot unpack more than some thousand arguments
_READ_BLOCKS_MS = 250  # also the longest that leaving a subscription waits for its read
# Readers of an exchange have a week to read an entry, as they have with Kafka by default.
_EXCHANGE_KEEPS_MS = 7 * 24 * 3600 * 1000

# Lua hands at most some 8,000 arguments on, names and values both; beyond, headers are dropped.
_MOST_FIELDS = 3_000
_LATEST_MS = 253_402_300_799_000  # the end of year 9999

_Fields = Mapping[bytes, bytes]


class RedisStreamsBroker:
    def __init__(self, url: str, *, group: str, claim_after: float, timeout: float) -> None:
        self._url = url
        self._group = group
        self._claim_after = claim_after
        self._timeout = timeout
        self._redis = _redis(url, timeout=timeout)

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(
        cls, url: str, *, group: str, claim_after: float = 15.0, timeout: float = 3.0
    ) -> AsyncIterator["RedisStreamsBroker"]:
        """Serve the Redis at `url`; connections are opened when they are needed.

        `claim_after` is how many seconds a consumer must be silent before others take over
        what it had received; `timeout` is for every answer of Redis, of which one repetition is
        allowed.
        """
        broker = cls(url, group=group, claim_after=claim_after, timeout=timeout)
        try:
            yield broker
        finally:
            await broker._redis.aclose()

    async def publish(self, messages: Sequence[Message], *, queue: str = "", exchange: str = "") -> None:
        minid = None if queue else int(time.time() * 1000) - _EXCHANGE_KEEPS_MS
        try:
            for start in range(0, len(messages), _PUBLISHED_TOGETHER):
                pipeline = self._redis.pipeline(transaction=False)
                for message in messages[start : start + _PUBLISHED_TOGETHER]:
                    pipeline.xadd(queue or exchange, _fields(message), minid=minid)
                await pipeline.execute()
        except (RedisError, OSError) as error:
            raise ExternalServiceError(f"Redis did not take the messages: {error}") from error

    @contextlib.asynccontextmanager
    async def subscribe(self, queue: str) -> AsyncIterator["RedisStreamsSubscription"]:
        reader = _redis(self._url, timeout=_READ_BLOCKS_MS / 1000 + self._timeout)
        subscription = RedisStreamsSubscription(
            self._redis, reader, queue=queue, group=self._group, claim_after=self._claim_after
        )
        try:
            await subscription.join()
            try:
                yield subscription
            finally:
                await subscription.leave()
        finally:
            await reader.aclose()

    async def ping(self) -> None:
        try:
            await self._redis.ping()
        except (RedisError, OSError) as error:
            raise ExternalServiceError(f"Redis does not answer: {error}") from error


class RedisStreamsSubscription:
    """A consumer of its own name in the group of one stream."""

    def __init__(self, redis: Redis, reader: Redis, *, queue: str, group: str, claim_after: float) -> None:
        self._redis = redis
        self._reader = reader
        self._queue = queue
        self._group = group
        self._consumer = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
        self._claim_after = claim_after
        self._claim_next = 0.0
        self._claim_cursor: bytes = b"0-0"
        self._arrived: deque[Delivery] = deque()
        self._reading: asyncio.Task[list[Delivery]] | None = None
        self._held: dict[bytes, None] = {}
        self._settled: list[bytes] = []
        self._retries_changed = asyncio.Event()
        self._house_keeping: asyncio.Task[None] | None = None
        self._is_interrupted = False
        self._scripts = scripts.Scripts(redis)

    async def receive(self, *, limit: int, wait: float) -> list[Delivery]:
        ends = time.monotonic() + wait
        while not self._arrived:
            # The read is a task of its own, which a cancelled `receive` leaves running: cut
            # off in the middle, its entries would be ours for Redis and unknown to us.
            if self._reading is None:
                self._reading = asyncio.create_task(self._read(limit))
            await asyncio.wait({self._reading}, timeout=max(0.0, ends - time.monotonic()))
            if not self._reading.done():
                break
            read, self._reading = self._reading, None
            self._arrived.extend(read.result())
            if time.monotonic() >= ends:
                break
        return [self._arrived.popleft() for _ in range(min(limit, len(self._arrived)))]

    async def done(self, deliveries: Sequence[Delivery]) -> None:
        self._settled.extend(_entry_id(delivery) for delivery in deliveries)
        await self._forget_settled()

    async def retry(self, delivery: Delivery, *, delay: float, error: str) -> None:
        fields = {
            **_fields_of(delivery),
            house.MESSAGE_ID.encode(): delivery.id.encode(),
            **_encoded(house.of_retry(delivery, error=error)),
        }
        await self._move(
            self._scripts.retry,
            f"{self._queue}.retry",
            delivery,
            [max(0, round(delay * 1000)), *_flat(fields)],
        )
        self._retries_changed.set()

    async def dead(self, delivery: Delivery, *, reason: str, error: str) -> None:
        fields = {**_fields_of(delivery), **_encoded(house.of_dead(delivery, reason=reason, error=error))}
        await self._move(self._scripts.dead, f"{self._queue}.dead", delivery, _flat(fields))

    async def _move(self, script: scripts.Script, target: str, delivery: Delivery, rest: list[Any]) -> None:
        entry = _entry_id(delivery)
        try:
            await script(keys=[self._queue, target], args=[self._group, entry, *rest])
        except (RedisError, OSError) as error:
            raise ExternalServiceError(f"Redis did not move the message to {target}: {error}") from error
        self._held.pop(entry, None)

    async def join(self) -> None:
        try:
            await self._make_group()
            await self._scripts.prune(keys=[self._queue], args=[self._group])
        except (RedisError, OSError) as error:
            raise ExternalServiceError(f"Redis does not answer: {error}") from error
        self._house_keeping = asyncio.create_task(self._keep_house())

    async def leave(self) -> None:
        """Hand what is not settled to the others, who take it at their next look."""
        if self._house_keeping is not None:
            self._house_keeping.cancel()
        if self._reading is not None:
            await asyncio.wait({self._reading})
        await self._forget_settled()
        try:
            await self._scripts.release(keys=[self._queue], args=[self._group, self._consumer])
        except (RedisError, OSError) as error:
            logger.warning("Leaving {} without Redis, the rest is claimed later: {}", self._queue, error)

    async def _make_group(self) -> None:
        try:
            # From the start of the stream: what was published before the group is not skipped.
            await self._redis.xgroup_create(self._queue, self._group, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def _read(self, limit: int) -> list[Delivery]:
        try:
            if time.monotonic() >= self._claim_next:
                if claimed := await self._claim(limit):
                    return claimed
                self._claim_next = time.monotonic() + min(1.0, self._claim_after / 2)
            streams: Any = await self._reader.xreadgroup(
                self._group, self._consumer, {self._queue: ">"}, count=limit, block=_READ_BLOCKS_MS
            )
        except (RedisError, OSError) as error:
            await self._recover(error)
            return []
        if self._is_interrupted:
            self._is_interrupted = False
            logger.info("The subscription to {} goes on", self._queue)
        entries = streams[0][1] if streams else []
        self._held.update(dict.fromkeys(entry for entry, _ in entries))
        return [_delivery(self._queue, entry, fields) for entry, fields in entries]

    async def _claim(self, limit: int) -> list[Delivery]:
        self._claim_cursor, entries = await self._scripts.claim(
            keys=[self._queue],
            args=[self._group, self._consumer, round(self._claim_after * 1000), self._claim_cursor, limit],
        )
        ours = [
            _delivery(self._queue, entry, dict(zip(fields[::2], fields[1::2], strict=True)), before=times - 1)
            for entry, fields, times in entries
            if entry not in self._held  # our own, after the event loop stood still for long
        ]
        self._held.update(dict.fromkeys(_entry_id(delivery) for delivery in ours))
        return ours

    async def _recover(self, error: Exception) -> None:
        self._note(error)
        await asyncio.sleep(0.2)
        if "NOGROUP" in str(error):  # Redis came back without its data
            with contextlib.suppress(RedisError, OSError):
                await self._make_group()

    async def _keep_house(self) -> None:
        """Bring back retries that are due, and keep what we work on from being claimed."""
        refresh_next = 0.0
        while True:
            pause = 1.0
            self._retries_changed.clear()
            try:
                await self._forget_settled()
                due_in = await self._scripts.promote(keys=[self._queue, f"{self._queue}.retry"], args=[])
                pause = pause if due_in < 0 else min(pause, max(0.005, due_in / 1000))
                if time.monotonic() >= refresh_next:
                    refresh_next = time.monotonic() + self._claim_after / 4
                    for ids in _chunks(list(self._held)):
                        await self._scripts.refresh(keys=[self._queue], args=[self._group, self._consumer, *ids])
            except (RedisError, OSError) as error:
                self._note(error)
            pause = min(pause, max(0.005, refresh_next - time.monotonic()))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._retries_changed.wait(), pause)

    async def _forget_settled(self) -> None:
        # Without Redis the ids are kept and tried again: the effect is committed, so the
        # caller has nothing left to decide.
        try:
            while ids := self._settled[:_SETTLED_TOGETHER]:
                await self._scripts.done(keys=[self._queue], args=[self._group, *ids])
                for entry in ids:
                    self._held.pop(entry, None)
                settled = set(ids)
                self._settled = [entry for entry in self._settled if entry not in settled]
        except (RedisError, OSError) as error:
            self._note(error)

    def _note(self, error: Exception) -> None:
        # Once for each interruption; every part of the subscription tries again by itself.
        if not self._is_interrupted:
            self._is_interrupted = True
            logger.warning("The subscription to {} is interrupted: {}", self._queue, error)


def _redis(url: str, *, timeout: float) -> Redis:
    # redis-py's own retries let one command hang for a minute when Redis is a black hole; one
    # retry is enough to replace a connection that died in the pool.
    return Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 1),
        decode_responses=False,
    )


def _fields(message: Message) -> dict[Any, Any]:
    fields = _encoded(message.headers)
    if message.id:
        fields[house.MESSAGE_ID.encode()] = message.id.encode()
    if message.key:
        fields[house.KEY.encode()] = message.key.encode()
    fields[_BODY] = message.body
    return fields


def _delivery(queue: str, entry: bytes, fields: _Fields, *, before: int = 0) -> Delivery:
    headers = {
        name.decode(errors="replace"): value.decode(errors="replace")
        for name, value in fields.items()
        if name != _BODY
    }
    # Who adds an entry may choose its id, which then is no time at all.
    milliseconds = min(int(entry.partition(b"-")[0]), _LATEST_MS)
    return Delivery(
        body=fields.get(_BODY, b""),
        id=headers.pop(house.MESSAGE_ID, "") or f"{queue}:{entry.decode()}",
        key=headers.pop(house.KEY, ""),
        headers=headers,
        attempts=house.attempts_in(headers) + before,
        first_seen=house.first_seen_in(headers, otherwise=datetime.fromtimestamp(milliseconds / 1000, UTC)),
        receipt=(entry, fields),
    )


def _entry_id(delivery: Delivery) -> bytes:
    entry: bytes = delivery.receipt[0]  # type: ignore[index]
    return entry


def _fields_of(delivery: Delivery) -> _Fields:
    fields: _Fields = delivery.receipt[1]  # type: ignore[index]
    if len(fields) > _MOST_FIELDS:
        first = itertools.islice(((name, value) for name, value in fields.items() if name != _BODY), _MOST_FIELDS)
        fields = {**dict(first), **({_BODY: fields[_BODY]} if _BODY in fields else {})}
    return fields


def _encoded(headers: Mapping[str, str]) -> dict[bytes, bytes]:
    return {name.encode(): value.encode() for name, value in headers.items()}


def _flat(fields: _Fields) -> list[bytes]:
    return [part for pair in fields.items() for part in pair]


def _chunks(ids: list[bytes]) -> Iterable[list[bytes]]:
    return (ids[start : start + _SETTLED_TOGETHER] for start in range(0, len(ids), _SETTLED_TOGETHER))
