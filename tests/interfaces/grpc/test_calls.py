"""What is around every call: its id, its log line, its deadline, its limits."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import grpc
import pytest
from grpc import aio
from loguru import logger

from src.app.application.common.context import request_id_of
from src.app.application.dto.auth import SignedUpDTO
from src.app.infrastructure.bootstrap import Process
from src.app.interfaces.grpc.client import AlliumClient
from src.app.interfaces.grpc.interceptors.deadline import Deadline
from src.app.interfaces.grpc.pb.allium.debug.v1 import debug_pb2, debug_pb2_grpc
from src.app.interfaces.grpc.server import services_of, serving
from tests.interfaces.grpc.conftest import at_a_free_port, bearer
from tests.interfaces.grpc.trouble import KINDS, NAME, TROUBLE, ask


class TestRequestId:
    async def test_the_callers_is_taken_over(self, channel: aio.Channel) -> None:
        call = debug_pb2_grpc.DebugServiceStub(channel).Ping(
            debug_pb2.PingRequest(), metadata=(("x-request-id", "order-4711"),)
        )

        assert dict(await call.initial_metadata())["x-request-id"] == "order-4711"

    @pytest.mark.parametrize("given", ["short", "with space in it", "x" * 129])
    async def test_one_that_cannot_be_taken_over_is_replaced(self, channel: aio.Channel, given: str) -> None:
        call = debug_pb2_grpc.DebugServiceStub(channel).Ping(
            debug_pb2.PingRequest(), metadata=(("x-request-id", given),)
        )

        made = dict(await call.initial_metadata())["x-request-id"]
        assert made != given
        assert request_id_of(made) == made

    @pytest.mark.parametrize("kind", KINDS)
    async def test_it_comes_with_an_error_too(self, channel: aio.Channel, ada: SignedUpDTO, kind: str) -> None:
        metadata = (*bearer(ada.access), ("x-request-id", "order-4711"))
        with pytest.raises(aio.AioRpcError) as caught:
            await ask(channel, kind, "unexpected", metadata=metadata)

        told = [*(caught.value.initial_metadata() or ()), *(caught.value.trailing_metadata() or ())]
        assert ("x-request-id", "order-4711") in told


class TestRetries:
    @pytest.mark.parametrize("kind", ["unary_unary", "stream_unary", "stream_stream"])
    async def test_a_callers_library_may_retry_what_failed_before_its_first_answer(
        self, address: str, ada: SignedUpDTO, kind: str
    ) -> None:
        policy = {
            "maxAttempts": 2,
            "initialBackoff": "0.01s",
            "maxBackoff": "0.01s",
            "backoffMultiplier": 1,
            "retryableStatusCodes": ["UNAVAILABLE"],
        }
        config = {"methodConfig": [{"name": [{"service": NAME}], "retryPolicy": policy}]}
        async with aio.insecure_channel(address, (("grpc.service_config", json.dumps(config)),)) as channel:
            flaky = f"flaky {kind} {ada.user.uuid}"

            assert await ask(channel, kind, flaky, metadata=bearer(ada.access)) == [flaky]


class TestLogLine:
    @pytest.mark.parametrize("kind", KINDS)
    async def test_each_call_has_one(self, channel: aio.Channel, ada: SignedUpDTO, kind: str) -> None:
        lines = []
        sink = logger.add(
            lambda line: lines.append(line.record["extra"]), filter=lambda record: "ms" in record["extra"]
        )

        await ask(channel, kind, "hello", metadata=(*bearer(ada.access), ("x-request-id", "order-4711")))
        with pytest.raises(aio.AioRpcError):
            await ask(channel, kind, "rate", metadata=bearer(ada.access))
        await asyncio.sleep(0.05)
        logger.remove(sink)

        assert [line["code"] for line in lines] == ["OK", "RESOURCE_EXHAUSTED"]
        assert lines[0]["method"] == f"/{NAME}/{kind}"
        assert lines[0]["user"] == str(ada.user.uuid)
        assert lines[0]["request_id"] == "order-4711"
        assert lines[0]["address"].startswith("ipv4:127.0.0.1:")


@pytest.fixture
async def hasty(running: Process, process: Process) -> AsyncIterator[aio.Channel]:
    """Return a channel to a server of little patience."""
    deadline = Deadline(default=0.1, maximum=0.2)
    services = [*services_of(running), TROUBLE]
    async with (
        serving(at_a_free_port(running), services, deadline=deadline) as port,
        aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        yield channel


class TestDeadline:
    @pytest.mark.parametrize("kind", ["unary_unary", "stream_unary"])
    @pytest.mark.parametrize("timeout", [None, 3600])
    async def test_a_call_without_one_or_with_one_too_far_is_given_up(
        self, hasty: aio.Channel, ada: SignedUpDTO, kind: str, timeout: float | None
    ) -> None:
        started = time.monotonic()

        with pytest.raises(aio.AioRpcError) as caught:
            await ask(hasty, kind, "dawdle", metadata=bearer(ada.access), timeout=timeout)

        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert time.monotonic() - started < 2

    @pytest.mark.parametrize("kind", KINDS)
    async def test_the_callers_own_ends_any_call(self, channel: aio.Channel, ada: SignedUpDTO, kind: str) -> None:
        with pytest.raises(aio.AioRpcError) as caught:
            await ask(channel, kind, "dawdle", metadata=bearer(ada.access), timeout=0.1)

        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED

    async def test_a_stream_may_last(self, hasty: aio.Channel, ada: SignedUpDTO) -> None:
        call = hasty.unary_stream(f"/{NAME}/unary_stream", request_serializer=bytes)
        request = debug_pb2.EchoRequest(message="dawdle").SerializeToString()
        stream = call(request, metadata=bearer(ada.access))

        await stream.read()
        await asyncio.sleep(0.4)

        assert not stream.done()
        stream.cancel()


class TestLimits:
    async def test_a_message_that_is_too_large_is_refused(
        self, channel: aio.Channel, ada: SignedUpDTO, process: Process
    ) -> None:
        large = "x" * process.settings.GRPC_MAX_MESSAGE_BYTES

        with pytest.raises(aio.AioRpcError) as caught:
            await ask(channel, "unary_unary", large, metadata=bearer(ada.access))

        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED

    async def test_metadata_that_is_too_large_is_refused(self, channel: aio.Channel) -> None:
        with pytest.raises(aio.AioRpcError) as caught:
            await ask(channel, "unary_unary", "hello", metadata=(("x-much", "x" * 20_000),))

        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED

    async def test_more_calls_at_once_than_allowed_are_refused(self, running: Process, ada: SignedUpDTO) -> None:
        small = at_a_free_port(running, GRPC_MAX_CONCURRENT_RPCS=2, SHUTDOWN_TIMEOUT=0.1)
        async with (
            serving(small, [TROUBLE]) as port,
            AlliumClient(f"127.0.0.1:{port}", token=ada.access) as client,
        ):
            slow = [
                asyncio.ensure_future(
                    ask(client._channel, "unary_unary", "dawdle", metadata=bearer(ada.access), timeout=1)
                )
                for _ in range(6)
            ]
            done, waiting = await asyncio.wait(slow, timeout=0.5)

            assert {call.exception().code() for call in done} == {grpc.StatusCode.RESOURCE_EXHAUSTED}  # type: ignore[union-attr]
            assert len(waiting) == 2
            await asyncio.wait(waiting)
