"""Reads that may be a little behind, on a hot standby of PostgreSQL."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest

from src.app.application.dto.users import UserDTO
from src.app.config.settings import SettingsTest
from src.app.domain.common.exceptions import ExternalServiceError
from src.app.infrastructure.bootstrap import Process, bootstrap
from src.app.infrastructure.repositories.users_repository import UsersPSQLRepository
from src.local.servers import PostgreSQL
from tests.builders.users import an_email
from tests.builders.waiting import until
from tests.conftest import migrate


class Standby(PostgreSQL):
    """A replica as of the moment when it was made: it waits for changes, and none arrive."""

    def __init__(self, primary: PostgreSQL, folder: Path) -> None:
        super().__init__(folder, name=primary.name, user=primary.user, password=primary.password)
        shutil.copytree(primary.folder, self.folder)
        (self.folder / "cluster" / "postmaster.pid").unlink(missing_ok=True)
        (self.folder / "cluster" / "standby.signal").touch()


@dataclass(frozen=True)
class Stage:
    process: Process
    server: PostgreSQL
    standby: Standby

    @property
    def primary(self) -> UsersPSQLRepository:
        return UsersPSQLRepository(self.process.database)

    @property
    def replica(self) -> UsersPSQLRepository:
        return UsersPSQLRepository(self.process.replicas)

    async def reads_the_standby(self) -> bool:
        return await self.replica.count() == 1


@pytest.fixture(scope="module")
def servers_of_replicas(
    environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[PostgreSQL, Path]:
    """Return a stopped server with one user, and the folder beside it."""
    folder = tmp_path_factory.mktemp("replicas")
    folder.chmod(0o711)
    primary = PostgreSQL(folder / "primary", durable=False)
    with primary:
        migrate({**environment, **primary.settings})
        primary.query(f"INSERT INTO users (uuid, email) VALUES ('{uuid4()}', 'first@example.com')")
    return primary, folder


@pytest.fixture
async def stage(
    environment: Mapping[str, str], servers_of_replicas: tuple[PostgreSQL, Path]
) -> AsyncIterator[Stage]:
    primary, folder = servers_of_replicas
    standby = Standby(primary, folder / f"standby-{uuid4().hex}")
    with primary, standby:
        variables = {
            **environment,
            **primary.settings,
            "DB_STATEMENT_TIMEOUT_SECONDS": "0.5",
        }
        settings = cast("Any", SettingsTest)(_env_file=None, DB_REPLICA_URLS=[standby.url], **variables)
        async with bootstrap(settings, name="replicas") as process:
            yield Stage(process, primary, standby)
            await process.database.pool.execute("DELETE FROM users WHERE email <> 'first@example.com'")


class TestReplicas:
    async def test_every_read_goes_there(self, stage: Stage) -> None:
        await stage.primary.create({"uuid": uuid4(), "email": an_email()})

        assert await stage.primary.count() == 2
        assert await stage.replica.count() == 1
        assert (await stage.replica.get_page()).total == 1
        assert [user.email async for user in stage.replica.stream(out=UserDTO)] == ["first@example.com"]

    async def test_a_cursor_of_one_is_good_for_the_other(self, stage: Stage) -> None:
        await stage.primary.create({"uuid": uuid4(), "email": "a@example.com"})
        page = await stage.primary.get_page({}, ("email",), limit=1)

        following = await stage.replica.get_page({}, ("email",), limit=1, cursor=page.next_cursor)

        assert [str(user.email) for user in following.items] == ["first@example.com"]

    async def test_nothing_is_written_there(self, stage: Stage) -> None:
        for write in (
            stage.replica.create({"uuid": uuid4(), "email": an_email()}),
            stage.replica.update({"email": "first@example.com"}, {"city": "Rome"}),
            stage.replica.remove({"email": "first@example.com"}),
            stage.replica.get_or_create({"email": "first@example.com"}),
            stage.replica.create_bulk([{"uuid": uuid4(), "email": an_email()}]),
            stage.replica.create_bulk([{"uuid": uuid4(), "email": an_email()}], is_return_require=False),
        ):
            with pytest.raises(RuntimeError, match="only reads"):
                await write

        assert await stage.primary.count() == 1

    async def test_while_none_answers_the_primary_is_asked(self, stage: Stage) -> None:
        await stage.primary.create({"uuid": uuid4(), "email": an_email()})
        stage.standby.kill()

        assert await stage.replica.count() == 2
        assert len([user async for user in stage.replica.stream()]) == 2
        assert list(stage.process.replicas.in_turn()) == [stage.process.database], "it rests"

        await asyncio.to_thread(stage.standby.start)
        await until(stage.reads_the_standby, within=15)

    async def test_what_took_too_long_there_is_not_asked_of_the_primary(self, stage: Stage) -> None:
        stage.server.stop()
        with pytest.raises(ExternalServiceError, match="too long"):
            await stage.process.replicas.reader.fetch("SELECT pg_sleep(5)")

        assert await stage.reads_the_standby()
        await asyncio.to_thread(stage.server.start)

    async def test_without_replicas_the_primary_is_read(self, process: Process) -> None:
        await UsersPSQLRepository(process.database).create({"uuid": uuid4(), "email": an_email()})

        assert await UsersPSQLRepository(process.replicas).count() == 1
