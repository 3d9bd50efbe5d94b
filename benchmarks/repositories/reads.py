"""One user, a page of them, a list of them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from benchmarks.report import Row, at_least, at_most
from benchmarks.repositories.by_hand import ByHand
from benchmarks.repositories.peer import LIST_SIZE, PAGE_SIZE, Reader
from benchmarks.repositories.tables import UserRow
from benchmarks.repositories.turns import Figure, Turns, Way, take_turns

ROUNDS = 7
WARM_UP = 10
SPAN = timedelta(hours=6)
"""How far back the page looks: to some 700 of the 100,000."""

_FIELDS = [field.name for field in fields(UserRow)]

Read = Callable[[Reader], Awaitable[Any]]


async def measure(by_hand: ByHand, others: Mapping[str, Reader]) -> list[Row]:
    readers = {"by hand": by_hand, **others}
    users = await by_hand.get_list()
    # The first is the newest, see stage.py.
    uuid, since = users[-1].uuid, users[0].created_at - SPAN
    await _compare(readers, uuid, since)
    counted = {"by hand with a subquery": partial(by_hand.get_page_and_count, since)}
    first = await _turns("get_first", _ways(readers, lambda reader: reader.get_first(uuid)), calls=300)
    page = await _turns("page", _ways(readers, lambda reader: reader.get_page(since)) | counted, calls=40)
    some = await _turns("list", _ways(readers, lambda reader: reader.get_list()), calls=8)
    return [
        *_rows("get_first by uuid", first, "cpu", must=1.8, goal=1.4),
        # Where the database finds the page is the point, so its time counts too.
        *_rows(f"page of {PAGE_SIZE} and total, 3 filters", page, "wall", must=1.3, goal=1.1),
        *_rows(f"list of {LIST_SIZE:,}", some, "cpu", must=1.4, goal=1.15),
    ]


def _ways(readers: Mapping[str, Reader], read: Read) -> dict[str, Way]:
    return {name: partial(read, reader) for name, reader in readers.items()}


async def _turns(title: str, ways: Mapping[str, Way], *, calls: int) -> Turns:
    for way in ways.values():
        for _ in range(WARM_UP):
            await way()
    return await take_turns(title, ways, rounds=ROUNDS, calls=calls)


def _rows(work: str, turns: Turns, figure: Figure, *, must: float, goal: float) -> list[Row]:
    return [
        Row(
            f"{work}: time, of asyncpg by hand",
            turns.ratio("Allium", "by hand", figure),
            must=at_most(must),
            goal=at_most(goal),
            detail=turns.beside("Allium", "by hand", figure),
        ),
        Row(
            f"{work}: times as fast as advanced-alchemy",
            turns.ratio("advanced-alchemy", "Allium", figure),
            must=at_least(2),
            goal=at_least(3),
            detail=turns.both("advanced-alchemy", "Allium"),
        ),
    ]


async def _compare(readers: Mapping[str, Reader], uuid: UUID, since: datetime) -> None:
    # Whoever shows less of a user, or other users, would win by it.
    found = {}
    for name, reader in readers.items():
        page, total = await reader.get_page(since)
        users = [await reader.get_first(uuid), *page, *await reader.get_list()]
        found[name] = total, [[getattr(user, field) for field in _FIELDS] for user in users]
    expected = found["by hand"]
    if len(expected[1]) != 1 + PAGE_SIZE + LIST_SIZE:
        raise AssertionError(f"There are too few users: {len(expected[1])} rows")
    if others := [name for name in found if found[name] != expected]:
        raise AssertionError(f"Not the users that are found by hand: {', '.join(others)}")
