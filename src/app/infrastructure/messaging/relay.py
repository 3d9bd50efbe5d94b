"""Events on their way from the outbox to everyone who must be told.

One loop for each destination: the broker takes batches, a subscriber of our own one event at a
time, in the transaction that also takes the entry away. A destination is served by one relay at
a time, so that what happened to an aggregate is told in its order; others stand by, and take
over as soon as the connection of the first is gone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import fields
from datetime import timedelta

import orjson
from asyncpg import Record
from loguru import logger

from src.app.application.common.context import request_id
from src.app.application.ports.messages import Happened, Subscriber
from src.app.application.subscriptions import BROKER
from src.app.domain.common.exceptions import AppException
from src.app.infrastructure.common.heartbeat import Beating
from src.app.infrastructure.extensions.psql_ext import Database, Executor
from src.app.infrastructure.extensions.psql_ext.listener import Channel, PlainConnection, listening
from src.app.infrastructure.messaging.backoff import backoff
from src.app.infrastructure.messaging.broker import Broker, Message
from src.app.infrastructure.messaging.outbox import CHANNEL

BATCH = 500
POLL_SECONDS = 1.0

# An entry waits while an earlier one of its aggregate waits for its next attempt.
_CLAIM = """
SELECT entry.id, entry.attempts, event.uuid, event.name, event.version, event.aggregate,
       event.aggregate_uuid, event.payload, event.occurred_at, event.request_id
FROM outbox AS entry JOIN event_store AS event ON event.id = entry.event_id
WHERE entry.destination = $1 AND entry.available_at <= now() AND NOT EXISTS (
    SELECT FROM outbox AS earlier
    WHERE earlier.destination = entry.destination AND earlier.aggregate_uuid = entry.aggregate_uuid
        AND earlier.id < entry.id AND earlier.available_at > now()
)
ORDER BY entry.id LIMIT $2 FOR UPDATE OF entry SKIP LOCKED
"""
_ALONE = "SELECT pg_try_advisory_xact_lock(hashtextextended('relay:' || $1, 0))"
_TOLD = "DELETE FROM outbox WHERE id = ANY($1::bigint[]) RETURNING 1"
_FAILED = """
UPDATE outbox SET attempts = attempts + 1, available_at = now() + $2::interval, last_error = $3
WHERE id = $1 RETURNING 1
"""


class Relay:
    """Tells the broker and the subscribers what stands in the outbox, until it is stopped."""

    def __init__(
        self,
        *,
        database: Database,
        broker: Broker,
        exchange: str,
        source: str,
        subscribers: Mapping[str, Subscriber],
        beating: Beating = nullcontext,
    ) -> None:
        self._database = database
        self._broker = broker
        self._exchange = exchange
        self._source = source
        self._subscribers = subscribers
        self._beating = beating
        self._news = {name: asyncio.Event() for name in (BROKER, *subscribers)}

    async def run(self, dsn: str, stop: asyncio.Event) -> None:
        """Relay until `stop` is set; what was begun is then finished first."""
        async with (
            listening(dsn, Channel(CHANNEL, heard=self._wake, connected=self._catch_up)),
            self._beating(),
            asyncio.TaskGroup() as loops,
        ):
            logger.info("Relaying to {} and {}", self._exchange, ", ".join(self._subscribers) or "no subscriber")
            loops.create_task(self._serve(BROKER, self._publish, stop))
            for name in self._subscribers:
                loops.create_task(self._serve(name, self._tell, stop))
            await stop.wait()
            self._wake("")

    def _wake(self, _: str) -> None:
        for news in self._news.values():
            news.set()

    async def _catch_up(self, _: PlainConnection) -> None:
        self._wake("")

    async def _serve(self, destination: str, serve: Callable[[str], Awaitable[int]], stop: asyncio.Event) -> None:
        failures = 0
        news = self._news[destination]
        while not stop.is_set():
            news.clear()
            try:
                served = await serve(destination)
                failures = 0
            except Exception as error:
                served = 0
                failures += 1
                # Only what nobody foresaw needs a traceback; neither is a reason to tell nobody else.
                unforeseen = None if isinstance(error, AppException) else error
                logger.opt(exception=unforeseen).warning("{} is not told for now: {!r}", destination, error)
            if not served:
                await _wait(news, backoff(failures) if failures else POLL_SECONDS)

    async def _publish(self, destination: str) -> int:
        async with self._database.transaction() as executor:
            rows = await self._claim(executor, destination, BATCH)
            if rows:
                messages = [_message(_happened(row), source=self._source) for row in rows]
                await self._broker.publish(messages, exchange=self._exchange)
                await executor.fetch(_TOLD, [[row["id"] for row in rows]])
        return len(rows)

    async def _tell(self, destination: str) -> int:
        async with self._database.ambient_transaction() as executor:
            rows = await self._claim(executor, destination, 1)
            for row in rows:
                token = request_id.set(row["request_id"])
                try:
                    # A savepoint: what a failing subscriber wrote is taken back, the entry stays ours.
                    async with self._database.transaction():
                        await self._subscribers[destination](_happened(row))
                    await executor.fetch(_TOLD, [[row["id"]]])
                except Exception as error:
                    delay = backoff(row["attempts"] + 1)
                    logger.opt(exception=error).warning(
                        "{} failed on {}; again in {:.0f} s", destination, row["name"], delay
                    )
                    await executor.fetch(_FAILED, [row["id"], timedelta(seconds=delay), repr(error)])
                finally:
                    request_id.reset(token)
        return len(rows)

    async def _claim(self, executor: Executor, destination: str, limit: int) -> list[Record]:
        is_alone = await executor.fetch(_ALONE, [destination])
        return await executor.fetch(_CLAIM, [destination, limit]) if is_alone[0][0] else []


def _happened(row: Record) -> Happened:
    return Happened(**{field.name: row[field.name] for field in fields(Happened)})


def _message(event: Happened, *, source: str) -> Message:
    """Return an event in the envelope in which events leave and arrive: `{"event", "data", …}`."""
    body = {
        "event": event.name,
        "id": str(event.uuid),
        "version": event.version,
        "occurred_at": event.occurred_at.isoformat(),
        "source": source,
        "data": {"uuid": str(event.aggregate_uuid), **event.payload},
    }
    return Message(
        body=orjson.dumps(body),
        id=str(event.uuid),
        event=event.name,
        key=str(event.aggregate_uuid),
        headers={"x-request-id": event.request_id} if event.request_id else {},
    )


async def _wait(news: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(news.wait(), seconds)
    except TimeoutError:
        return
