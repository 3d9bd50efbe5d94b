"""Whatever is asked of the repository: a refusal that says what is allowed, or the right answer."""

import asyncio
import re
from typing import Any

import pytest

from src.app.application.common.text import is_storable
from src.app.domain.common.exceptions import ValidationError
from src.app.infrastructure.bootstrap import Process
from src.app.infrastructure.repositories.common_psql_repository import CommonPSQLRepository
from tests.infrastructure.repositories.hostile.cases import ROWS, Ask, Case
from tests.infrastructure.repositories.hostile.filters import FILTERS
from tests.infrastructure.repositories.hostile.pages import PAGED
from tests.infrastructure.repositories.hostile.writes import WRITES

CORPUS = [*FILTERS, *PAGED, *WRITES]

# With who wrote each row: what was written anew with the same values was touched.
_STATE = """
SELECT (SELECT json_agg((s.xmin, s.ctid, s) ORDER BY s.id) FROM cabinet.specimens AS s)::text,
       (SELECT json_agg((u.xmin, u) ORDER BY u.id) FROM users AS u)::text,
       (SELECT json_agg(relname ORDER BY oid) FROM pg_class WHERE relkind IN ('r', 'i', 'S'))::text
"""


async def state_of(process: Process) -> tuple[Any, ...]:
    return tuple(await process.database.pool.fetchrow(_STATE))


@pytest.fixture
async def rows(specimens: CommonPSQLRepository) -> None:
    await specimens.create_bulk(ROWS, is_return_require=False)


class TestCorpus:
    def test_it_does_not_shrink(self) -> None:
        assert len({case.what for case in CORPUS}) == len(CORPUS) >= 900


async def end_of(ask: Ask, specimens: CommonPSQLRepository) -> Any:
    try:
        return await ask(specimens)
    except ValidationError as refusal:
        return refusal


@pytest.mark.usefixtures("rows")
class TestEveryCase:
    @pytest.mark.parametrize("case", [pytest.param(case, id=case.what) for case in CORPUS])
    async def test_is_refused_or_answered(
        self, cabinet: Process, specimens: CommonPSQLRepository, case: Case
    ) -> None:
        before = await state_of(cabinet)

        async with asyncio.timeout(5):
            ends = {way: await end_of(ask, specimens) for way, ask in case.asks.items()}
            await asyncio.sleep(0.001)  # Who kept the loop from running is told only now.

        if case.refusal is None:
            assert ends == dict.fromkeys(case.asks, case.answer)
        else:
            assert {way: end for way, end in ends.items() if not is_refused(end, case.refusal)} == {}
        assert await state_of(cabinet) == before
        assert await specimens.count() == len(ROWS)


def is_refused(end: Any, words: str) -> bool:
    """Tell whether it ended in a message with these words, which can be sent to anybody."""
    if not isinstance(end, ValidationError):
        return False
    return re.search(words, end.message) is not None and is_storable(end.message) and len(end.message) < 1000
