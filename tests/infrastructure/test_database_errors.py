"""What PostgreSQL's errors become, by SQLSTATE, on real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from src.app.domain.common.exceptions import (
    AlreadyExistsError,
    AppException,
    ConflictError,
    ExternalServiceError,
    ValidationError,
)
from src.app.infrastructure.bootstrap import Process
from src.app.infrastructure.repositories.users_repository import UsersPSQLRepository
from tests.builders.users import an_email


@pytest.fixture
async def flaky(process: Process) -> AsyncIterator[str]:
    """Return a call that fails by a conflict with others as often as its argument says."""
    pool = process.database.pool
    await pool.execute("CREATE SEQUENCE tries")
    await pool.execute(
        """
        CREATE FUNCTION flaky(failures int, state text) RETURNS int LANGUAGE plpgsql AS $$
        BEGIN
            IF nextval('tries') <= failures THEN RAISE EXCEPTION 'in the way' USING ERRCODE = state; END IF;
            RETURN 7;
        END $$
        """
    )
    yield "SELECT flaky($1, $2)"
    await pool.execute("DROP FUNCTION flaky")
    await pool.execute("DROP SEQUENCE tries")


class TestTranslation:
    @pytest.mark.parametrize(
        ("state", "kind"),
        [
            ("22001", ValidationError),
            ("22021", ValidationError),
            ("23505", AlreadyExistsError),
            ("23503", ConflictError),
            ("23514", ValidationError),
            ("40001", ExternalServiceError),
            ("40P01", ExternalServiceError),
            ("53300", ExternalServiceError),
            ("55P03", ExternalServiceError),
            ("57014", ExternalServiceError),
            ("57P01", ExternalServiceError),
            ("08006", ExternalServiceError),
            ("XX000", ExternalServiceError),
        ],
    )
    async def test_a_state_becomes_a_kind(
        self, process: Process, flaky: str, state: str, kind: type[AppException]
    ) -> None:
        with pytest.raises(kind):
            await process.database.executor.fetch(flaky, [9, state])

    @pytest.mark.parametrize("sql", ["SELEC 1", "SELECT nothing", "SELECT 1 FROM nowhere", "SELECT 1 + 'a'::text"])
    async def test_a_wrong_statement_is_a_fault_of_ours(self, process: Process, sql: str) -> None:
        with pytest.raises(asyncpg.PostgresError):
            await process.database.executor.fetch(sql)


class TestRepetition:
    @pytest.mark.parametrize("state", ["40001", "40P01"])
    async def test_a_statement_that_others_got_in_the_way_of_is_run_again(
        self, process: Process, flaky: str, state: str
    ) -> None:
        rows = await process.database.executor.fetch(flaky, [2, state])

        assert rows[0][0] == 7

    async def test_but_not_for_ever(self, process: Process, flaky: str) -> None:
        with pytest.raises(ExternalServiceError, match="retry"):
            await process.database.executor.fetch(flaky, [3, "40001"])

    async def test_and_not_after_another_error(self, process: Process, flaky: str) -> None:
        with pytest.raises(ExternalServiceError):
            await process.database.executor.fetch(flaky, [1, "57014"])

    async def test_a_transaction_is_its_callers_to_repeat(self, process: Process, flaky: str) -> None:
        async with process.database.transaction() as executor:
            with pytest.raises(ExternalServiceError, match="retry"):
                await executor.fetch(flaky, [1, "40P01"])

    async def test_writes_in_each_others_way_all_come_through(self, process: Process) -> None:
        users = UsersPSQLRepository(process.database)
        rows = await users.create_bulk([{"uuid": uuid4(), "email": an_email()} for _ in range(20)], out=("id",))
        there = [{"id": row.id, "city": "there"} for row in rows]

        await asyncio.gather(
            *(users.update_bulk(there if n % 2 else there[::-1], is_return_require=False) for n in range(3)),
            *(users.update({"id__gt": 0}, {"state": f"{n}"}, is_return_require=False) for n in range(3)),
        )

        assert await users.count({"city": "there", "state__is_null": False}) == 20
