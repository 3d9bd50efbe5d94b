"""Filters, orders and pages mean to PostgreSQL what they mean to the reference beside this test."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from src.app.application.common.filters import Family, Q, Where
from src.app.application.common.page import Page
from src.app.infrastructure.repositories.base.lookups import LOOKUPS
from src.app.infrastructure.repositories.common_psql_repository import CommonPSQLRepository
from tests.infrastructure.repositories.questions import (
    FAMILIES,
    GROUPS,
    KINDS,
    MAX_ROWS,
    Walk,
    filters_of,
    rows_of,
    walks_of,
)
from tests.infrastructure.repositories.reference import MEANINGS, Reference, Row, Truth, both, either, negated

REFERENCE = Reference(FAMILIES, KINDS)

# Each asks some fifty queries, so there are fewer examples than of other tests; and of queries at
# least 2,000 in all the tests together, 20,000 in the long run.
EXAMPLES = settings().max_examples // 6
MIN_QUERIES = max(144, 12 * EXAMPLES)

WITHOUT_CURSORS = {Family.DURATION, Family.BYTES, Family.LIST}

generated = settings(
    max_examples=EXAMPLES,
    # The queries of all examples are counted together; and to draw many of them takes its time.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    # A mismatch names one filter and one row, so that there is little to be made smaller, in minutes.
    phases=[Phase.reuse, Phase.generate],
)

A_ROW = {"is_whole": True, "size": None}
TRUTHS = st.recursive(
    st.sampled_from([(Q(is_whole=True), True), (Q(is_whole=False), False), (Q(size=1), None)]),
    lambda parts: st.one_of(
        st.builds(lambda one, two: (one[0] & two[0], both([one[1], two[1]])), parts, parts),
        st.builds(lambda one, two: (one[0] | two[0], either([one[1], two[1]])), parts, parts),
        st.builds(lambda one, two: (Q(one[0], two[0]), both([one[1], two[1]])), parts, parts),
        parts.map(lambda one: (~one[0], negated(one[1]))),
    ),
)


@pytest.fixture
def queries(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> Iterator[Counter[str]]:
    """Count the queries of a test; it fails when they are too few, or too few take some rows and leave others."""
    queries: Counter[str] = Counter()
    failed = request.session.testsfailed
    yield queries
    record_property("queries", queries["asked"])
    if request.session.testsfailed == failed:
        assert queries["asked"] >= MIN_QUERIES
        assert queries["telling"] >= queries["asked"] / 20


class TestTheReference:
    @pytest.mark.parametrize("family", Family)
    def test_it_knows_exactly_the_lookups_that_there_are(self, family: Family) -> None:
        assert {"is_null", *MEANINGS[family]} == LOOKUPS.names(family)

    @given(TRUTHS)
    def test_what_is_joined_means_what_its_parts_do(self, joined: tuple[Q, Truth]) -> None:
        where, truth = joined

        assert REFERENCE.answer(where, A_ROW) is truth


@pytest.mark.parametrize("group", GROUPS)
class TestOneMeaning:
    @generated
    @given(data=st.data(), is_returned=st.booleans(), with_deleted=st.booleans())
    async def test_a_filter_and_its_opposite_find_the_same_rows(
        self,
        specimens: CommonPSQLRepository,
        queries: Counter[str],
        group: str,
        data: st.DataObject,
        is_returned: bool,
        with_deleted: bool,
    ) -> None:
        rows = data.draw(rows_of(group))
        filters = data.draw(filters_of(group, rows))
        await store(specimens, rows, is_returned=is_returned)

        for where in (*filters, *(~Q.of(where) for where in filters)):
            listed = await specimens.get_list(where, out=("id",), with_deleted=with_deleted)
            found = {row.id for row in listed}
            expected = {row["id"] for row in matching(where, rows, with_deleted=with_deleted)}
            assert found == expected, f"{where}: {[row for row in rows if row['id'] in found ^ expected]}"
            queries["asked"] += 1
            queries["telling"] += 0 < len(expected) < len(rows)

    @generated
    @given(data=st.data(), is_returned=st.booleans(), with_deleted=st.booleans())
    async def test_a_list_and_its_pages_have_the_same_order(
        self,
        specimens: CommonPSQLRepository,
        queries: Counter[str],
        group: str,
        data: st.DataObject,
        is_returned: bool,
        with_deleted: bool,
    ) -> None:
        rows = data.draw(rows_of(group))
        walks = data.draw(walks_of(group, rows))
        await store(specimens, rows, is_returned=is_returned)

        for walk in walks:
            found = REFERENCE.ordered(matching(walk.where, rows, with_deleted=with_deleted), walk.whole_order)
            expected = [row["id"] for row in found]
            whole = await specimens.get_list(walk.where, walk.whole_order, out=("id",), with_deleted=with_deleted)
            assert [row.id for row in whole] == expected, walk
            queries["asked"] += 1
            pages = [page async for page in pages_of(specimens, walk, with_deleted=with_deleted)]
            assert [row.id for page in pages for row in page.items] == expected, walk
            assert pages[0].total == len(expected), walk
            queries["asked"] += len(pages)
            queries["telling"] += len(pages) if len(pages) > 1 else 0


class TestPositions:
    """Values that a cursor must say to the last digit."""

    @pytest.mark.parametrize(
        ("column", "values"),
        [
            ("meta", [{"a": Decimal("12345678901234567890.5")}, {"a": 1}]),
            (
                "meta__a",
                [{"a": Decimal("0.12345678901234567890123")}, {"a": Decimal("0.12345678901234567890124")}],
            ),
            ("opens_at", [time(0, 0, 0, 10_000), time(0, 0, 0, 20_000)]),
            ("price", [Decimal("0.10"), Decimal("0.1000000000000000000000001")]),
            ("weight", [0.1, 0.1 + 2**-50]),
            ("found_on", [date(1, 1, 2), date(9999, 12, 30)]),
        ],
    )
    async def test_pages_one_after_another_are_the_list(
        self, specimens: CommonPSQLRepository, column: str, values: list[Any]
    ) -> None:
        name = column.partition("__")[0]
        rows = [{"id": place, "is_deleted": False, name: value} for place, value in enumerate([*values, None] * 2)]
        walk = Walk({}, (column,), limit=1)
        await store(specimens, rows, is_returned=True)

        pages = [page async for page in pages_of(specimens, walk, with_deleted=False)]

        whole = await specimens.get_list({}, walk.whole_order, out=("id",))
        assert [row.id for page in pages for row in page.items] == [row.id for row in whole]


async def store(specimens: CommonPSQLRepository, rows: Sequence[Row], *, is_returned: bool) -> None:
    """Let these be the rows of the table."""
    await specimens._executor.fetch("DELETE FROM cabinet.specimens")
    given = [{name: value for name, value in row.items() if name != "words"} for row in rows]
    await specimens.create_bulk(given, is_return_require=is_returned)


def matching(where: Where, rows: Sequence[Row], *, with_deleted: bool) -> list[Row]:
    return [row for row in rows if REFERENCE.answer(where, row) and (with_deleted or not row["is_deleted"])]


def columns_of(order: Sequence[str]) -> list[str]:
    return [key.removeprefix("-").split("__")[0] for key in order]


async def pages_of(specimens: CommonPSQLRepository, walk: Walk, *, with_deleted: bool) -> AsyncIterator[Page[Any]]:
    """Yield the pages one after another, each by the cursor of the one before, or by its offset where none is."""
    has_cursors = not {FAMILIES[column] for column in columns_of(walk.order)} & WITHOUT_CURSORS
    cursor, offset, has_more = None, 0, True
    while has_more:
        page = await specimens.get_page(
            walk.where,
            walk.order,
            limit=walk.limit,
            offset=0 if cursor else offset,
            cursor=cursor,
            with_deleted=with_deleted,
            out=("id",),
        )
        yield page
        cursor, offset, has_more = page.next_cursor, offset + walk.limit, page.has_more
        assert offset <= MAX_ROWS + walk.limit, walk
        assert (cursor is not None) == (has_cursors and has_more), walk
