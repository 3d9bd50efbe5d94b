"""A connection to RabbitMQ, and what is declared over it."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Any

import aio_pika
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, ChannelNotFoundEntity

from src.app.domain.common.exceptions import ExternalServiceError

# aiormq answers a call with CancelledError when its connection is closed under it.
FAILURES = (*CONNECTION_EXCEPTIONS, TimeoutError, asyncio.CancelledError)
_REDECLARE_AFTER = 3600.0
_DELIVERY_LIMIT = 100


@contextlib.contextmanager
def asking(complaint: str) -> Iterator[None]:
    """Raise `ExternalServiceError` where the broker or the way to it fails."""
    try:
        yield
    except FAILURES as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        raise ExternalServiceError(f"RabbitMQ {complaint}: {error or type(error).__name__}") from error


class Link:
    """One connection, opened when it is needed and again when it was lost."""

    def __init__(self, url: str, *, name: str, timeout: float) -> None:
        # aiormq's default of 60 s would notice a dead peer after three minutes.
        self._url = url if "heartbeat=" in url else f"{url}{'&' if '?' in url else '?'}heartbeat=15"
        self._name = name
        self._timeout = timeout
        self._opening = asyncio.Lock()
        self._connection: AbstractConnection | None = None
        self._declared: dict[str, float] = {}

    async def connection(self) -> AbstractConnection:
        async with self._opening:
            if self._connection is None or not self._connection.connected.is_set():
                self._declared.clear()
                self._connection = await aio_pika.connect(
                    self._url, timeout=self._timeout, client_properties={"connection_name": self._name}
                )
            return self._connection

    async def declare_queue(self, name: str, arguments: dict[str, Any] | None = None) -> None:
        """Make the queue unless it exists; with `arguments` it is one of our delay queues."""
        if self._is_declared(name):
            return
        connection = await self.connection()
        # A queue that exists is taken as it is: its arguments are the operator's. A refusal
        # closes the channel, hence one for each question.
        exists = False
        if arguments is None:
            with contextlib.suppress(ChannelNotFoundEntity):
                async with connection.channel(publisher_confirms=False) as channel:
                    await channel.declare_queue(name, passive=True)
                exists = True
        if not exists:
            async with connection.channel(publisher_confirms=False) as channel:
                await channel.declare_queue(name, durable=True, arguments=arguments or _queue_arguments(name))
        self._declared[name] = time.monotonic()

    async def declare_exchange(self, name: str) -> None:
        if self._is_declared(f"exchange {name}"):
            return
        connection = await self.connection()
        exists = False
        with contextlib.suppress(ChannelNotFoundEntity):
            async with connection.channel(publisher_confirms=False) as channel:
                await channel.declare_exchange(name, passive=True)
            exists = True
        if not exists:
            async with connection.channel(publisher_confirms=False) as channel:
                await channel.declare_exchange(name, aio_pika.ExchangeType.TOPIC, durable=True)
        self._declared[f"exchange {name}"] = time.monotonic()

    def _is_declared(self, name: str) -> bool:
        declared = self._declared.get(name)
        return declared is not None and time.monotonic() - declared < _REDECLARE_AFTER

    def forget_declarations(self) -> None:
        """Look again next time: something did not arrive where it should be."""
        self._declared.clear()

    async def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(*FAILURES):
                await asyncio.wait_for(self._connection.close(), self._timeout)


def _queue_arguments(name: str) -> dict[str, Any]:
    if name.endswith(".dead"):
        # RabbitMQ 4 would drop a dead letter that was looked at 20 times, its default.
        return {"x-queue-type": "quorum", "x-delivery-limit": 2**31 - 1}
    return {
        "x-queue-type": "quorum",
        # The net below the consumers' own limit: what kills each process that receives it.
        "x-delivery-limit": _DELIVERY_LIMIT,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": f"{name}.dead",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
