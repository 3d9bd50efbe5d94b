from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc import aio
from grpc_status import rpc_status
from loguru import logger

from src.app.application.dto.auth import SignedUpDTO
from src.app.interfaces.grpc.pb.allium.users.v1 import users_pb2, users_pb2_grpc
from tests.interfaces.grpc.conftest import bearer
from tests.interfaces.grpc.trouble import KINDS, SECRET, ask


def detail(error: aio.AioRpcError, kind: Any) -> Any:
    found = kind()
    assert any(packed.Unpack(found) for packed in rpc_status.from_call(error).details), f"no {kind.__name__}"
    return found


async def failed(channel: aio.Channel, kind: str, message: str | bytes, token: str) -> aio.AioRpcError:
    with pytest.raises(aio.AioRpcError) as caught:
        await ask(channel, kind, message, metadata=bearer(token))
    return caught.value


class TestErrors:
    async def test_a_field_that_is_wrong_is_named(self, channel: aio.Channel, ada: SignedUpDTO) -> None:
        stub = users_pb2_grpc.UsersServiceStub(channel)

        with pytest.raises(aio.AioRpcError) as caught:
            await stub.GetUser(users_pb2.GetUserRequest(uuid="7"), metadata=bearer(ada.access))

        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert detail(caught.value, ErrorInfo).reason == "VALIDATION_ERROR"
        (violation,) = detail(caught.value, BadRequest).field_violations
        assert (violation.field, violation.description) == ("uuid", "This is not a UUID")

    @pytest.mark.parametrize("kind", KINDS)
    async def test_an_error_says_when_to_come_back(
        self, channel: aio.Channel, ada: SignedUpDTO, kind: str
    ) -> None:
        error = await failed(channel, kind, "rate", ada.access)

        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert detail(error, RetryInfo).retry_delay.ToTimedelta().total_seconds() == 2.5

    @pytest.mark.parametrize("kind", KINDS)
    async def test_what_nobody_foresaw_is_not_told(
        self, channel: aio.Channel, ada: SignedUpDTO, kind: str
    ) -> None:
        error = await failed(channel, kind, "unexpected", ada.access)

        assert error.code() is grpc.StatusCode.INTERNAL
        assert error.details() == "An unexpected error occurred"
        self._assert_no_secret(error)

    @pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "writes_itself"])
    async def test_an_answer_that_is_no_message_is_not_told(
        self, channel: aio.Channel, ada: SignedUpDTO, kind: str
    ) -> None:
        error = await failed(channel, kind, "no message", ada.access)

        assert error.code() is grpc.StatusCode.INTERNAL
        self._assert_no_secret(error)

    async def test_the_log_has_the_traceback_under_the_id_that_is_told(
        self, channel: aio.Channel, ada: SignedUpDTO
    ) -> None:
        logged: list[str] = []
        sink = logger.add(logged.append, format="{extra[error_id]} {message}\n{exception}", filter=_has_error_id)

        error = await failed(channel, "unary_unary", "unexpected", ada.access)
        logger.remove(sink)

        error_id = detail(error, ErrorInfo).metadata["error_id"]
        assert [line for line in logged if error_id in line and SECRET in line and "trouble.py" in line]

    @pytest.mark.parametrize("kind", KINDS)
    async def test_bytes_that_are_no_message_are_the_callers_fault(
        self, channel: aio.Channel, ada: SignedUpDTO, kind: str
    ) -> None:
        error = await failed(channel, kind, b"\xff\xff\xff", ada.access)

        if kind == "writes_itself":  # where gRPC reads and writes by itself, it answers by itself
            assert error.code() in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL}
        else:
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT

    async def test_a_method_that_is_not_there_is_unimplemented(self, channel: aio.Channel) -> None:
        call = channel.unary_unary("/allium.users.v1.UsersService/Fly", request_serializer=bytes)

        with pytest.raises(aio.AioRpcError) as caught:
            await call(b"", timeout=5)

        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED

    def _assert_no_secret(self, error: aio.AioRpcError) -> None:
        told = f"{error!r} {error.details()} {error.initial_metadata()} {error.trailing_metadata()}"
        assert "hunter2" not in told
        assert "RuntimeError" not in told


def _has_error_id(record: Any) -> bool:
    return "error_id" in record["extra"]
