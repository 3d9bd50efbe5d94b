"""`GET /users/`: three filters, an order, a total, 50 of 100,000; beside the limit and plain FastAPI.

Judged by requests/s: most of the work is PostgreSQL's, which shares this machine with the server,
as it does in no other benchmark of a door.
"""

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from statistics import median
from urllib.parse import urlencode

import orjson

from benchmarks.load import Load, Outcome, ask, clients, drive
from benchmarks.peers import ALLIUM, LIMIT, MANUAL, Served, served
from benchmarks.report import Row, at_least
from benchmarks.stage import Stage
from src.local.progress import step

ROUNDS = 5
SECONDS = 1.5
MINUTES = 350
"""How far back the list looks: to some 700 of the users, of whom there are two in a minute."""
_V2 = "/api/v2/users/"


def measure(stage: Stage) -> list[Row]:
    since = datetime.now(UTC) - timedelta(minutes=MINUTES)
    query = urlencode(
        {
            "filter[city]": "Rome",
            "filter[is_active]": "true",
            "sort": "-created_at",
            "limit": 50,
            "filter[created_at__gte]": since.isoformat(),
        }
    )
    with ExitStack() as stack:
        with step("peers"):
            limit, manual, allium = (stack.enter_context(served(stage, peer)) for peer in (LIMIT, MANUAL, ALLIUM))
            _compare(query, limit, manual, allium)
        client = stack.enter_context(clients(1))
        targets: dict[str, tuple[Served, str]] = {
            "limit": (limit, ""),
            "Allium": (allium, ""),
            "FastAPI + ORM": (manual, ""),
            "Allium v2": (allium, _V2),
        }
        outcomes: dict[str, list[Outcome]] = {name: [] for name in targets}
        for number in range(-1, ROUNDS):
            # In turns, so that what drifts on this machine drifts for all; the first warms up.
            with step(f"round {number + 1}/{ROUNDS}") as note:
                for name, (server, path) in targets.items():
                    load = Load(server.port, server.page(query, path), seconds=SECONDS)
                    outcome = client.submit(drive, load).result()
                    note(f"{outcome.rate:.0f}/s")
                    if number >= 0:
                        outcomes[name].append(outcome)
    return [
        *(
            Row(
                f"{path}: requests/s, of the limit",
                _ratio(outcomes[name], outcomes["limit"]),
                must=at_least(0.80),
                goal=at_least(0.92),
            )
            for name, path in (("Allium", ALLIUM.users), ("Allium v2", _V2))
        ),
        Row(
            f"{ALLIUM.users}: requests/s, times FastAPI + ORM",
            _ratio(outcomes["Allium"], outcomes["FastAPI + ORM"]),
        ),
        *(_absolute(name, taken) for name, taken in outcomes.items()),
    ]


def _ratio(of: list[Outcome], to: list[Outcome]) -> float:
    return median(own.rate / other.rate for own, other in zip(of, to, strict=True))


def _absolute(name: str, taken: list[Outcome]) -> Row:
    p50, p99 = (median(getattr(each, figure) for each in taken) for figure in ("p50_ms", "p99_ms"))
    rate = median(each.rate for each in taken)
    return Row(f"{name}: requests/s of the list", rate, detail=f"p50 {p50:.1f} ms, p99 {p99:.1f} ms")


def _compare(query: str, *servers: Served) -> None:
    # Whoever shows less, or others, would win by it.
    found = []
    for server in servers:
        page = orjson.loads(ask(server.port, server.page(query)[0]))
        found.append((page["total"], [(user["uuid"], sorted(user)) for user in page["items"]]))
    if any(each != found[0] for each in found):
        raise AssertionError("The servers show different pages")
