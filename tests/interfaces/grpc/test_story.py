from uuid import uuid4

import pytest
from grpc import aio

from src.app.application.dto.auth import SignedUpDTO
from src.app.domain.common.exceptions import NotFoundError
from src.app.interfaces.grpc.client import AlliumClient
from src.app.interfaces.grpc.pb.allium.debug.v1 import debug_pb2, debug_pb2_grpc
from src.app.interfaces.grpc.pb.allium.example.v1 import example_pb2, example_pb2_grpc
from src.app.interfaces.version import VERSION
from tests.interfaces.grpc.conftest import SignedUp, bearer


class TestDebug:
    async def test_a_ping_needs_no_token(self, address: str) -> None:
        async with AlliumClient(address) as client:
            assert await client.debug.ping() == "pong"

    async def test_an_echo_is_what_was_sent(self, channel: aio.Channel, ada: SignedUpDTO) -> None:
        stub = debug_pb2_grpc.DebugServiceStub(channel)

        answer = await stub.Echo(debug_pb2.EchoRequest(message="Grüße"), metadata=bearer(ada.access))

        assert answer.message == "Grüße"

    async def test_the_version_names_service_and_mode(self, channel: aio.Channel, ada: SignedUpDTO) -> None:
        stub = debug_pb2_grpc.DebugServiceStub(channel)

        answer = await stub.Version(debug_pb2.VersionRequest(), metadata=bearer(ada.access))

        assert (answer.name, answer.version, answer.mode) == ("Allium", VERSION, "TEST")


class TestExample:
    async def test_it_greets_by_name(self, channel: aio.Channel, ada: SignedUpDTO) -> None:
        stub = example_pb2_grpc.ExampleServiceStub(channel)

        answer = await stub.SayHello(example_pb2.SayHelloRequest(name="Ada"), metadata=bearer(ada.access))

        assert answer.greeting == "Hello, Ada"


class TestVerifyToken:
    async def test_it_says_whose_token_it_is(self, client: AlliumClient, sign_up: SignedUp) -> None:
        somebody = await sign_up()

        verified = await client.auth.verify_token(somebody.access)

        assert verified.user_uuid == somebody.user.uuid
        assert verified.expires_at.tzinfo is not None


class TestGetUser:
    async def test_every_field_arrives(self, client: AlliumClient, ada: SignedUpDTO) -> None:
        assert await client.users.get_user(ada.user.uuid) == ada.user

    async def test_another_user_is_not_shown(self, client: AlliumClient, sign_up: SignedUp) -> None:
        another = await sign_up()

        with pytest.raises(NotFoundError):
            await client.users.get_user(another.user.uuid)

    async def test_who_may_read_users_sees_another(
        self, address: str, superadmin_token: str, ada: SignedUpDTO
    ) -> None:
        async with AlliumClient(address, token=superadmin_token) as client:
            assert await client.users.get_user(ada.user.uuid) == ada.user

    async def test_one_that_is_not_there_is_not_found(self, address: str, superadmin_token: str) -> None:
        async with AlliumClient(address, token=superadmin_token) as client:
            with pytest.raises(NotFoundError):
                await client.users.get_user(uuid4())
