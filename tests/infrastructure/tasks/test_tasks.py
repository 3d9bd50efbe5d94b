"""Background tasks in a real worker."""

from collections.abc import AsyncIterator, Mapping
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from src.app.infrastructure.bootstrap import Process
from src.app.infrastructure.providers.celery_queue import CeleryTaskQueue
from src.app.infrastructure.repositories.users_repository import UsersPSQLUnitOfWork
from tests.builders.processes import WORKER, Running, started
from tests.builders.users import a_user
from tests.builders.waiting import until


@pytest.fixture(scope="module")
async def worker(
    environment: Mapping[str, str], running: Process, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    async with started(WORKER, environment, tmp_path_factory.mktemp("worker")) as worker:
        yield worker


@pytest.fixture
def tasks(process: Process) -> CeleryTaskQueue:
    return CeleryTaskQueue(process.settings)


@pytest.fixture
def mails(process: Process) -> "Mails":
    return Mails(process.settings.MAIL_FOLDER)


class Mails:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def to(self, address: str) -> list[Message]:
        return [message_from_bytes(file.read_bytes()) for file in sorted(self._folder.glob(f"*-{address}.eml"))]


class TestWelcomeMail:
    async def test_it_is_sent_once_for_an_event(
        self, worker: Running, process: Process, tasks: CeleryTaskQueue, mails: Mails
    ) -> None:
        first, second = a_user(), a_user()
        async with UsersPSQLUnitOfWork(process.database) as uow:
            await uow.users.add(first)
            await uow.users.add(second)

        for user in (first, first, first, second):
            await tasks.enqueue("send_welcome_mail", key=f"event-{user.uuid}", user_uuid=str(user.uuid))
        await until(lambda: mails.to(str(second.email)), within=20)

        (mail,) = await mails.to(str(first.email))
        assert mail["Subject"] == "Welcome to Allium"
        assert "Hello Ada Lovelace" in str(mail.get_payload())


class TestSayMeow:
    async def test_it_says_meow_within_the_callers_request(
        self, worker: Running, process: Process, tasks: CeleryTaskQueue
    ) -> None:
        result = tasks._celery.send_task(
            "say_meow", kwargs={"name": "Tom"}, headers={"request_id": "request-0003"}
        )

        await until(lambda: _is_in("request-0003", worker))

        assert result.get(timeout=5) == "Tom of Allium says meow"


class TestPrune:
    async def test_what_nobody_asks_for_again_is_forgotten(
        self, worker: Running, process: Process, tasks: CeleryTaskQueue
    ) -> None:
        for message_id, age in (("old", "40 days"), ("young", "20 days")):
            await process.database.pool.execute(
                f"INSERT INTO inbox VALUES ('{message_id}', 'test', now() - interval '{age}')"
            )

        await tasks.enqueue("prune", key="prune-1")

        async def left() -> bool:
            rows = await process.database.pool.fetch("SELECT message_id FROM inbox WHERE handler = 'test'")
            return [row["message_id"] for row in rows] == ["young"]

        await until(left)


async def _is_in(text: str, worker: Running) -> bool:
    return any(text in line and "done in" in line for line in worker.log.splitlines())
