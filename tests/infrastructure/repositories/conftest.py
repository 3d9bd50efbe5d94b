from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.dialects.postgresql.named_types import CreateEnumType
from sqlalchemy.schema import CreateTable

from src.app.infrastructure.bootstrap import Process
from src.app.infrastructure.repositories.common_psql_repository import CommonPSQLRepository
from tests.builders.specimens import Apart, Specimen


@pytest.fixture(scope="session")
async def cabinet(running: Process) -> AsyncIterator[Process]:
    """Return the application with the tables of `tests.builders.specimens` beside its own."""
    tables = Apart.metadata.sorted_tables
    dialect = asyncpg_dialect()  # type: ignore[no-untyped-call]
    await running.database.pool.execute("CREATE SCHEMA cabinet")
    made = [CreateEnumType(Specimen.__table__.c.kind.type), *map(CreateTable, tables)]
    for statement in made:
        await running.database.pool.execute(str(statement.compile(dialect=dialect)))
    yield running
    await running.database.pool.execute("DROP SCHEMA cabinet CASCADE")


@pytest.fixture
async def specimens(cabinet: Process) -> AsyncIterator[CommonPSQLRepository]:
    """Return a repository over a table with a column of every type; it is empty again after the test."""
    yield CommonPSQLRepository(Specimen, cabinet.database)
    for table in reversed(Apart.metadata.sorted_tables):
        await cabinet.database.pool.execute(f"DELETE FROM {table.fullname}")


@pytest.fixture
def a_specimen() -> dict[str, Any]:
    return {
        "name": "Ammonite",
        "code": "A1",
        "kind": "shell",
        "size": 3,
        "tags": ["old", "round"],
        "meta": {"a": 1},
    }
