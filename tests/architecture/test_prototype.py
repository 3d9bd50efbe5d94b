"""What users of the prototype type, and that it does here what it did there."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import aclosing, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import Depends
from pydantic import SecretStr

from src.app.config.settings import ROOT
from src.app.infrastructure.bootstrap import Process
from src.app.interfaces.api.app import make_app
from src.local.ports import free_port
from tests.builders.processes import started
from tests.builders.users import a_new_user, an_email
from tests.builders.waiting import until


def typed(program: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


class TestImports:
    @pytest.mark.parametrize(
        "line",
        [
            "from src.app.application.container import container",
            "from src.app.application.services.auth_service import AppAuthService",
            "from src.app.application.services.common_service import AppCommonService",
            "from src.app.application.services.users_service import AppUserService",
            "from src.app.config.settings import SettingsLocal, SettingsProd, SettingsTest, settings",
            "from src.app.domain.auth.services.auth_service import DomainAuthService",
            "from src.app.domain.auth.services.jwt_service import DomainJWTService",
            "from src.app.domain.auth.value_objects.jwt_vob import DecodedToken, TokenPair",
            "from src.app.domain.common.aggregates.base import BaseAggregate",
            "from src.app.domain.common.entities.base import BaseEntity",
            "from src.app.domain.common.events.base import DomainEvent",
            "from src.app.domain.common.exceptions import AlreadyExistsError, AppException, AuthenticationError, "
            "AuthorizationError, NotFoundError, ValidationError",
            "from src.app.domain.users.aggregates.user_agg import UserAggregate",
            "from src.app.domain.users.services.users_service import DomainUsersService",
            "from src.app.domain.users.value_objects.users_vob import EmailPasswordPair",
            "from src.app.infrastructure.extensions.psql_ext import get_session",
            "from src.app.infrastructure.messaging.mq_client import mq_client",
            "from src.app.infrastructure.persistence.models.users import User",
            "from src.app.infrastructure.repositories.base.base_psql_repository import BasePSQLRepository, "
            "PSQLLookupRegistry, QueryBuilder, SecurityValidator",
            "from src.app.infrastructure.repositories.base.base_redis_repository import BaseRedisRepository",
            "from src.app.infrastructure.repositories.common_psql_repository import CommonPSQLRepository",
            "from src.app.infrastructure.repositories.common_redis_repository import CommonRedisRepository",
            "from src.app.infrastructure.repositories.users_repository import UsersPSQLRepository",
            "from src.app.interfaces.api.core.dependencies import validate_api_key, validate_auth_data",
            "from src.app.interfaces.cli.celery_app import celery_app",
            "from src.app.interfaces.cli.consume import HANDLERS_MAP",
            "from src.app.interfaces.cli.main import app",
        ],
    )
    def test_the_name_is_there(self, line: str) -> None:
        names: dict[str, Any] = {}

        exec(line, names)

        assert len(names) > 1

    def test_settings_are_computed_too(self, environment: Mapping[str, str]) -> None:
        program = "from src.app.config.settings import settings; print(settings.DB_URL, settings.API_PORT)"

        assert typed(program, environment).stdout.startswith("postgresql+asyncpg://")


class TestContainer:
    def test_before_the_start_it_says_what_is_missing(self, environment: Mapping[str, str]) -> None:
        done = typed("from src.app.application.container import container; container.users_service", environment)

        assert "enter bootstrap(settings) first" in done.stderr

    async def test_then_it_gives_the_services(self, process: Process) -> None:
        from src.app.application.container import container

        assert container.users_service is process.container.users_service
        assert container.auth_service is process.container.auth_service


class TestExceptions:
    def test_details_are_keys_and_values(self) -> None:
        from src.app.domain.common.exceptions import AppException, NotFoundError

        error = NotFoundError(message="No such user", details=[{"key": "uuid", "value": "1"}])

        assert isinstance(error, AppException)
        assert (error.message, error.details) == ("No such user", [{"key": "uuid", "value": "1"}])


class TestRepositories:
    async def test_calls_are_as_they_were(self, process: Process) -> None:
        from src.app.infrastructure.repositories.users_repository import UsersPSQLRepository

        repository = UsersPSQLRepository()
        user = await process.container.users_service.create_user_by_email(a_new_user(city="Rome"))

        assert await repository.get_first(filter_data={"uuid": user.uuid, "city__ilike": "rom"})
        rows = await repository.get_list(filter_data={"limit": 10, "offset": 0}, order_data=("-created_at",))
        assert [row.uuid for row in rows] == [user.uuid]
        await repository.update_bulk([{"id": user.id, "city": "Oslo"}], is_return_require=False)
        assert await repository.count({"city": "Oslo"}) == 1

    async def test_the_common_service_serves_any_table(self, process: Process) -> None:
        from src.app.application.services.common_service import AppCommonService
        from src.app.infrastructure.persistence.models.users import User
        from src.app.infrastructure.providers.ids import new_uuid
        from src.app.infrastructure.repositories.common_psql_repository import CommonPSQLRepository

        service = AppCommonService(CommonPSQLRepository(User))

        created = await service.create({"uuid": new_uuid(), "email": an_email()})
        await service.create_bulk([{"uuid": new_uuid(), "email": an_email()}], is_return_require=False)

        assert created is not None
        assert await service.count() == 2
        assert await service.get_first({"id": created["id"]}) == created
        assert len(await service.update({"id": created["id"]}, {"city": "Rome"})) == 1
        assert len(await service.update_bulk([{"id": created["id"], "city": "Oslo"}])) == 1
        assert await service.remove({"city": "Oslo"}) == 1
        assert len(await service.get_list()) == 1

    def test_a_session_of_the_orm_can_be_had(self, environment: Mapping[str, str], process: Process) -> None:
        program = """
import asyncio
from sqlalchemy import select
from src.app.infrastructure.extensions.psql_ext import get_session
from src.app.infrastructure.persistence.models.users import User

async def main():
    async with get_session() as session:
        print(list(await session.scalars(select(User))))

asyncio.run(main())
"""
        assert typed(program, environment).stdout == "[]\n"


class TestDependencies:
    async def test_auth_data_names_the_caller(self, process: Process) -> None:
        from src.app.interfaces.api.core.dependencies import validate_api_key, validate_auth_data

        app = make_app(process.settings, lambda: nullcontext(process))

        @app.get("/mine")
        async def mine(auth_data: Annotated[dict[str, Any], Depends(validate_auth_data)]) -> str:
            return str(auth_data["uuid"])

        @app.get("/machine", dependencies=[Depends(validate_api_key)])
        async def machine() -> str:
            return "in"

        async def served(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, "state": {"process": with_key}}, receive, send)

        settings = process.settings.model_copy(update={"API_KEY": SecretStr("the key")})
        with_key = replace(process, settings=settings)

        from src.app.application.dto.auth import Device, SignedUpDTO
        from tests.builders.users import a_sign_up

        signed_up = await process.container.auth_service.sign_up(a_sign_up(issue_tokens=True), Device())
        assert isinstance(signed_up, SignedUpDTO)
        transport = httpx2.ASGITransport(served)
        async with httpx2.AsyncClient(transport=transport, base_url="http://allium.test") as client:
            headers = {"Authorization": f"Bearer {signed_up.access}"}
            assert (await client.get("/mine", headers=headers)).json() == str(signed_up.user.uuid)
            assert (await client.get("/machine", headers={"X-API-Key": "the key"})).json() == "in"
            assert (await client.get("/machine", headers={"X-API-Key": "a guess"})).status_code == 401


class TestMessages:
    async def test_events_are_published_from_any_process(self, process: Process) -> None:
        from src.app.infrastructure.messaging.mq_client import mq_client

        queue = f"test.{uuid4().hex}"
        await mq_client.produce_messages(
            messages={"event": "user_created", "data": {"user_id": 1}}, queue_name=queue, exchanger_name=""
        )

        async with aclosing(mq_client.consume(queue)) as events:
            assert (await anext(events))["data"] == {"user_id": 1}


class TestTasks:
    def test_a_task_is_declared_as_before(self) -> None:
        from src.app.interfaces.cli.celery_app import celery_app

        @celery_app.task()  # type: ignore[untyped-decorator]
        def add(a: int, b: int) -> int:
            return a + b

        assert add(1, 2) == 3
        assert add.apply(args=(1, 2)).result == 3


class TestCommands:
    async def answers(self, url: str) -> bool:
        try:
            async with httpx2.AsyncClient() as client:
                return (await client.get(url)).status_code == 200
        except httpx2.TransportError:
            return False

    @pytest.mark.parametrize(
        "command",
        [
            "-m uvicorn src.app.interfaces.cli.main:app --reload --port {port}",
            "-m gunicorn src.app.interfaces.cli.main:app -w 2 -k uvicorn.workers.UvicornWorker "
            "--bind 0.0.0.0:{port}",
            "-m gunicorn -c src/app/interfaces/cli/gunicorn_config.py src.app.interfaces.cli.main:app",
        ],
    )
    async def test_the_api_is_served(self, environment: Mapping[str, str], command: str) -> None:
        port = free_port()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command.format(port=port).split(),
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **environment, "API_PORT": str(port)},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await until(lambda: self.answers(f"http://127.0.0.1:{port}/health/ready/"), within=30)
        finally:
            process.terminate()
            await process.wait()

    async def test_the_worker_runs_everything(self, environment: Mapping[str, str], tmp_path: Path) -> None:
        command = (
            "-m celery -A src.app.interfaces.cli.celery_app worker -l INFO -E -B "
            "-Q default_queue --concurrency=2 -n default@%h"
        )

        async with started((*command.split(), "-s", str(tmp_path / "beat")), environment, tmp_path) as worker:
            assert "beat: Starting" in worker.log
            await worker.stop()

    @pytest.mark.parametrize(
        "command",
        [
            "-m alembic upgrade head",
            "-m alembic current",
            "-m pytest --version",
            "-m src.app.interfaces.cli --help",
        ],
    )
    def test_what_ends_ends_well(self, environment: Mapping[str, str], command: str) -> None:
        done = subprocess.run(
            [sys.executable, *command.split()],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, done.stderr


class TestFiles:
    @pytest.mark.parametrize(
        "name",
        [
            ".env.example",
            ".launch",
            "alembic.ini",
            "beautify.sh",
            "docker-compose-tests.yml",
            "docs/source/conf.py",
            "local_prepare.sh",
            "local_run.sh",
            "pyproject.toml",
            "pytest.ini",
            "src",
            "tests",
        ],
    )
    def test_it_lies_where_it_lay(self, name: str) -> None:
        assert (ROOT / name).exists()
