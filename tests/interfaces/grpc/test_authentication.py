from dataclasses import replace
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from grpc import aio
from grpc_status import rpc_status

from src.app.application.dto.auth import Device, SignedUpDTO
from src.app.infrastructure.bootstrap import Process
from src.app.interfaces.grpc.interceptors.authentication import OPEN_METHODS
from src.app.interfaces.grpc.pb.allium.users.v1 import users_pb2, users_pb2_grpc
from src.app.interfaces.grpc.server import services_of
from tests.builders.clock import MovedClock
from tests.builders.users import a_sign_up
from tests.interfaces.grpc.conftest import bearer
from tests.interfaces.grpc.trouble import KINDS, NAME, ask


async def refused(channel: aio.Channel, metadata: tuple[tuple[str, str], ...] = ()) -> tuple[str, str]:
    """Return the code and the reason that GetUser is refused with."""
    stub = users_pb2_grpc.UsersServiceStub(channel)
    with pytest.raises(aio.AioRpcError) as caught:
        await stub.GetUser(users_pb2.GetUserRequest(uuid="0"), metadata=metadata)
    info = ErrorInfo()
    rpc_status.from_call(caught.value).details[0].Unpack(info)
    assert info.domain == "allium"
    return caught.value.code().name, info.reason


class TestAuthentication:
    async def test_without_a_token_nobody_enters(self, channel: aio.Channel) -> None:
        assert await refused(channel) == ("UNAUTHENTICATED", "UNAUTHENTICATED")

    @pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "token"])
    async def test_what_is_no_bearer_token_counts_as_none(self, channel: aio.Channel, authorization: str) -> None:
        found = await refused(channel, (("authorization", authorization),))

        assert found == ("UNAUTHENTICATED", "UNAUTHENTICATED")

    @pytest.mark.parametrize("token", ["garbage", "a.b.c", "e30.e30.", "x" * 5000])
    async def test_garbage_is_no_valid_token(self, channel: aio.Channel, token: str) -> None:
        assert await refused(channel, bearer(token)) == ("UNAUTHENTICATED", "TOKEN_INVALID")

    async def test_a_refresh_token_is_no_access_token(self, channel: aio.Channel, ada: SignedUpDTO) -> None:
        assert await refused(channel, bearer(ada.refresh)) == ("UNAUTHENTICATED", "TOKEN_INVALID")

    async def test_an_expired_token_says_so(self, channel: aio.Channel, process: Process) -> None:
        then = MovedClock(datetime.now(UTC) - timedelta(hours=1))
        earlier = replace(process.container, clock=then)
        answer = await earlier.auth_service.sign_up(a_sign_up(issue_tokens=True), Device())
        assert isinstance(answer, SignedUpDTO)

        assert await refused(channel, bearer(answer.access)) == ("UNAUTHENTICATED", "TOKEN_EXPIRED")

    @pytest.mark.parametrize("kind", KINDS)
    async def test_each_kind_of_call_is_guarded(self, channel: aio.Channel, kind: str) -> None:
        with pytest.raises(aio.AioRpcError) as caught:
            await ask(channel, kind, "hello", metadata=())

        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED

    @pytest.mark.parametrize("kind", KINDS)
    async def test_each_kind_of_call_lets_in_who_has_a_token(
        self, channel: aio.Channel, ada: SignedUpDTO, kind: str
    ) -> None:
        assert (await ask(channel, kind, "hello", metadata=bearer(ada.access)))[-1] == "hello"


class TestEveryMethod:
    """Each method is open because OPEN_METHODS names it, or it asks for a token."""

    async def test_it_asks_for_a_token_unless_it_is_open(self, channel: aio.Channel, process: Process) -> None:
        methods = {
            f"/{service.full_name}/{method.name}"
            for entry in services_of(process)
            for service in entry.descriptor.services_by_name.values()
            for method in service.methods
        }

        guarded = {method for method in methods if await self._asks_for_a_token(channel, method)}

        assert len(methods) >= 6
        assert methods - guarded == methods & OPEN_METHODS == {"/allium.debug.v1.DebugService/Ping"}
        assert not any(NAME in method for method in OPEN_METHODS)

    async def _asks_for_a_token(self, channel: aio.Channel, method: str) -> bool:
        try:
            await channel.unary_unary(method, request_serializer=bytes)(b"", timeout=5)
        except aio.AioRpcError as error:
            return error.code() is grpc.StatusCode.UNAUTHENTICATED
        return False
