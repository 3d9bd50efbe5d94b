import asyncio
from collections.abc import Iterator, Mapping

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from src.app.config.settings import ROOT
from src.app.infrastructure.persistence.models.container import SCHEMA_REVISION
from tests.conftest import ANNOUNCE_USERS, run_sql, variables_set


@pytest.fixture
def alembic(environment: Mapping[str, str]) -> Iterator[Config]:
    with variables_set(environment):
        yield Config(ROOT / "alembic.ini")


class TestMigrations:
    def test_the_models_are_the_schema(self, alembic: Config) -> None:
        command.check(alembic)

    def test_every_one_can_be_taken_back_and_made_again(
        self, alembic: Config, environment: Mapping[str, str]
    ) -> None:
        asyncio.run(run_sql(environment, "DROP TRIGGER announce_change ON users"))

        command.downgrade(alembic, "base")
        command.upgrade(alembic, "head")
        command.check(alembic)

        asyncio.run(run_sql(environment, ANNOUNCE_USERS))

    def test_the_code_knows_the_newest_one(self, alembic: Config) -> None:
        assert ScriptDirectory.from_config(alembic).get_heads() == [SCHEMA_REVISION]
