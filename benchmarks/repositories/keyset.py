"""Pages by cursor: the ten-thousandth costs what the first one does."""

from functools import partial

from benchmarks.report import Row, at_most
from benchmarks.repositories.allium import Citizens
from benchmarks.repositories.peer import PAGE_SIZE
from benchmarks.repositories.tables import CITIZENS, PersonRow
from benchmarks.repositories.turns import take_turns
from src.app.application.common.page import Page

ROUNDS = 7
CALLS = 100
PAGE = 10_000
STRIDE = 5000
_ORDER = ("-created_at",)


async def measure(citizens: Citizens) -> list[Row]:
    before = (PAGE - 1) * PAGE_SIZE
    cursor = await _cursor_behind(citizens, before)
    first = (await _page(citizens, cursor)).items[0].id
    if first != CITIZENS - before:
        raise AssertionError(f"Page {PAGE:,} begins with citizen {first}, not {CITIZENS - before}")
    ways = {f"page {PAGE:,}": partial(_page, citizens, cursor), "page 1": partial(_page, citizens, None)}
    turns = await take_turns("keyset", ways, rounds=ROUNDS, calls=CALLS)
    return [
        Row(
            f"page {PAGE:,} of {CITIZENS:,} rows by cursor: time, of page 1",
            turns.ratio(f"page {PAGE:,}", "page 1", "wall"),
            must=at_most(1.2),
            goal=at_most(1.0),
            detail=turns.beside(f"page {PAGE:,}", "page 1", "wall"),
        )
    ]


async def _page(citizens: Citizens, cursor: str | None) -> Page[PersonRow]:
    return await citizens.get_page(
        order_data=_ORDER, limit=PAGE_SIZE, cursor=cursor, with_total=False, out=PersonRow
    )


async def _cursor_behind(citizens: Citizens, number: int) -> str | None:
    # A cursor knows the order and not the size of its page, so the way there is taken in long strides.
    cursor = None
    while number:
        limit = min(number, STRIDE)
        page = await citizens.get_page(
            order_data=_ORDER, limit=limit, cursor=cursor, with_total=False, out=("id",)
        )
        cursor, number = page.next_cursor, number - limit
    return cursor
