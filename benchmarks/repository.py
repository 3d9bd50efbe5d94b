"""The base repository beside asyncpg by hand, SQLAlchemy, and advanced-alchemy, at the same work.

Single reads are judged by the CPU time of this process, since PostgreSQL is another one; pages and
bulk work by the clock, because what the database has to do for them is the point. All show and
store the same fields, which is compared before anything is measured.
"""

from contextlib import AsyncExitStack

import uvloop

from benchmarks.report import Row
from benchmarks.repositories import allium, bulk, by_hand, core, keyset, memory, orm, reads
from benchmarks.repositories.allium import Allium, Citizens
from benchmarks.repositories.by_hand import ByHand
from benchmarks.repositories.engine import engine_of
from benchmarks.repositories.peer import Peer
from benchmarks.repositories.tables import make_tables
from benchmarks.stage import Stage
from src.local.progress import step


def measure(stage: Stage) -> list[Row]:
    return [*uvloop.run(_measure(stage)), *memory.measure(stage)]


async def _measure(stage: Stage) -> list[Row]:
    # Not installed but for measuring.
    from benchmarks.repositories import advanced_alchemy

    url = stage.settings["DATABASE_URL"]
    async with AsyncExitStack() as stack:
        with step("tables"):
            async with engine_of(url) as engine:
                await make_tables(engine)
        pool = await stack.enter_async_context(by_hand.pooled(url))
        hand = ByHand(await stack.enter_async_context(pool.acquire()))
        database = await stack.enter_async_context(allium.connected(stage.settings))
        peers: dict[str, Peer] = {
            "Allium": Allium(database),
            "Core": await stack.enter_async_context(core.connected(url)),
            "ORM": await stack.enter_async_context(orm.connected(url)),
            "advanced-alchemy": await stack.enter_async_context(advanced_alchemy.connected(url)),
        }
        return [
            *await reads.measure(hand, {"asyncpg's pool": ByHand(pool), **peers}),
            *await bulk.measure(hand, peers),
            *await keyset.measure(Citizens(database)),
        ]
