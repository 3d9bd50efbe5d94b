"""How much of a million rows is in memory at a time, on their way through a process of its own."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import uvloop

from benchmarks.load import clients
from benchmarks.report import Row, at_most
from benchmarks.repositories.allium import Citizens, People, connected
from benchmarks.repositories.people import new_people
from benchmarks.repositories.tables import CITIZENS, PersonRow
from benchmarks.stage import Stage
from src.app.infrastructure.extensions.psql_ext import Database
from src.local.progress import step

MAX_MB = 60

Work = Callable[[Database, int], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Used:
    rows: int
    seconds: float
    idle_mb: float
    above_mb: float


def measure(stage: Stage) -> list[Row]:
    return [
        _row("stream", f"stream of {CITIZENS:,}: MB above idle", _stream, stage),
        _row("create_bulk", f"create_bulk of {CITIZENS:,} out of an iterator: MB above idle", _create, stage),
    ]


def _row(title: str, what: str, work: Work, stage: Stage) -> Row:
    with step(title) as note, clients(1) as process:
        used = process.submit(_use, work, stage.settings).result()
        note(f"{used.above_mb:.0f} MB")
    if used.rows != CITIZENS:
        raise AssertionError(f"{title}: {used.rows:,} rows of {CITIZENS:,}")
    return Row(
        what,
        used.above_mb,
        must=at_most(MAX_MB),
        detail=f"idle {used.idle_mb:.0f} MB; {used.rows / used.seconds:,.0f} rows/s",
    )


def _use(work: Work, settings: Mapping[str, str]) -> Used:
    return uvloop.run(_used(work, settings))


async def _used(work: Work, settings: Mapping[str, str]) -> Used:
    async with connected(settings) as database:
        await work(database, 100)
        # From here on the kernel tells the peak anew.
        Path("/proc/self/clear_refs").write_text("5")
        idle, began = _status_mb("VmRSS"), time.perf_counter()
        rows = await work(database, CITIZENS)
        return Used(rows, time.perf_counter() - began, idle, _status_mb("VmHWM") - idle)


async def _stream(database: Database, number: int) -> int:
    count = 0
    async for _ in Citizens(database).stream({"limit": number}, order_data=("id",), batch=1000, out=PersonRow):
        count += 1
    return count


async def _create(database: Database, number: int) -> int:
    people = People(database)
    before = await people.count()
    await people.create_bulk(new_people(number), is_return_require=False)
    return await people.count() - before


def _status_mb(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024 / 1e6
