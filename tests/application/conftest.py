import pytest

from src.app.application.container import Container
from src.app.application.services.auth_service import AppAuthService
from src.app.application.services.users_service import AppUserService
from src.app.infrastructure.bootstrap import Process
from tests.builders.outbox import Outbox


@pytest.fixture
def auth(container: Container) -> AppAuthService:
    return container.auth_service


@pytest.fixture
def users(container: Container) -> AppUserService:
    return container.users_service


@pytest.fixture
def outbox(process: Process) -> Outbox:
    return Outbox(process.database)
