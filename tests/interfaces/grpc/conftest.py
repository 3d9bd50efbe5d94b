from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
from grpc import aio

from src.app.application.dto.auth import Device, SignedUpDTO, SignIn
from src.app.domain.common.contact import Email
from src.app.domain.users.value_objects.users_vob import FullName
from src.app.infrastructure.bootstrap import Process
from src.app.interfaces.grpc.client import AlliumClient
from src.app.interfaces.grpc.server import services_of, serving
from tests.builders.users import PASSWORD, a_sign_up, an_email
from tests.interfaces.grpc.trouble import TROUBLE

SignedUp = Callable[[], Awaitable[SignedUpDTO]]


def at_a_free_port(process: Process, **changes: object) -> Process:
    """Return the process with settings for a door of its own."""
    changes = {"GRPC_HOST": "127.0.0.1", "GRPC_PORT": 0, **changes}
    return replace(process, settings=process.settings.model_copy(update=changes))


@pytest.fixture(scope="session")
async def address(running: Process) -> AsyncIterator[str]:
    async with serving(at_a_free_port(running), [*services_of(running), TROUBLE]) as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture
async def channel(address: str, process: Process) -> AsyncIterator[aio.Channel]:
    async with aio.insecure_channel(address) as channel:
        yield channel


@pytest.fixture
def sign_up(process: Process) -> SignedUp:
    async def signed_up() -> SignedUpDTO:
        asked = a_sign_up(issue_tokens=True, first_name="Ada", birthday="1915-12-10", meta={"theme": "dark"})
        answer = await process.container.auth_service.sign_up(asked, Device())
        assert isinstance(answer, SignedUpDTO)
        return answer

    return signed_up


@pytest.fixture
async def ada(sign_up: SignedUp) -> SignedUpDTO:
    return await sign_up()


@pytest.fixture
async def client(address: str, ada: SignedUpDTO) -> AsyncIterator[AlliumClient]:
    async with AlliumClient(address, token=ada.access) as client:
        yield client


@pytest.fixture
async def superadmin_token(process: Process) -> str:
    email = an_email()
    await process.container.users_service.ensure_superadmin(
        email=Email(email), password=PASSWORD, name=FullName("Super", "Admin")
    )
    tokens = await process.container.auth_service.sign_in(
        SignIn.model_validate({"email": email, "password": PASSWORD}), Device()
    )
    return tokens.access


def bearer(token: str) -> tuple[tuple[str, str]]:
    return (("authorization", f"Bearer {token}"),)
