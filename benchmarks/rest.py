"""`GET /users/me/`, both versions, beside the limit and plain FastAPI.

Judged by the server's CPU time per request: a process serves as many requests a second as that
time fits into it, and the client and the neighbours on this machine do not show in it. The
requests/s and latencies of the same runs stand in the details.
"""

import json
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from benchmarks.load import Load, Outcome, ask, clients, drive
from benchmarks.peers import ALLIUM, LIMIT, MANUAL, Served, served
from benchmarks.report import Row, at_least
from benchmarks.stage import Stage
from src.local.progress import step

ROUNDS = 5
SECONDS = 1.5
_WARM_UP = 1.0
_V2 = "/api/v2/users/me/"


@dataclass(frozen=True, slots=True)
class Sample:
    cpu_us: float
    outcome: Outcome


def measure(stage: Stage) -> list[Row]:
    with ExitStack() as stack:
        with step("peers"):
            limit, manual, allium = (stack.enter_context(served(stage, peer)) for peer in (LIMIT, MANUAL, ALLIUM))
            _compare_bodies(limit, manual, allium)
        client = stack.enter_context(clients(1))
        targets = {
            "limit": (limit, limit.peer.me),
            "Allium": (allium, allium.peer.me),
            "FastAPI + ORM": (manual, manual.peer.me),
            "Allium v2": (allium, _V2),
        }
        samples: dict[str, list[Sample]] = {name: [] for name in targets}
        with step("warm up"):
            for server, path in targets.values():
                _sample(client, server, path, _WARM_UP)
        for number in range(ROUNDS):
            # In turns, so that what drifts on this machine drifts for all.
            with step(f"round {number + 1}/{ROUNDS}") as note:
                for name, (server, path) in targets.items():
                    samples[name].append(_sample(client, server, path, SECONDS))
                    note(f"{samples[name][-1].cpu_us:.0f} µs")
    return [
        *_judged(samples, "Allium", ALLIUM.me),
        *_judged(samples, "Allium v2", _V2),
        *(_absolute(name, taken) for name, taken in samples.items()),
    ]


def _judged(samples: dict[str, list[Sample]], name: str, path: str) -> list[Row]:
    return [
        Row(
            f"{path}: requests/s per process, of the limit",
            _ratio(samples["limit"], samples[name]),
            must=at_least(0.33),
            goal=at_least(0.45),
        ),
        Row(
            f"{path}: requests/s per process, times FastAPI + ORM",
            _ratio(samples["FastAPI + ORM"], samples[name]),
            must=at_least(5),
            goal=at_least(7),
        ),
    ]


def _sample(client: ProcessPoolExecutor, server: Served, path: str, seconds: float) -> Sample:
    before = server.process.cpu_seconds
    outcome = client.submit(drive, Load(server.port, server.me(path), seconds=seconds)).result()
    return Sample((server.process.cpu_seconds - before) / outcome.count * 1e6, outcome)


def _ratio(of: list[Sample], to: list[Sample]) -> float:
    return median(other.cpu_us / own.cpu_us for other, own in zip(of, to, strict=True))


def _absolute(name: str, samples: list[Sample]) -> Row:
    rate, p50, p99 = (
        median(getattr(sample.outcome, figure) for sample in samples) for figure in ("rate", "p50_ms", "p99_ms")
    )
    return Row(
        f"{name}: CPU µs per request",
        median(sample.cpu_us for sample in samples),
        detail=f"{rate:,.0f} requests/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms",
    )


def _compare_bodies(*servers: Served) -> None:
    # Whoever shows less of a user would win by it.
    fields = [set(json.loads(ask(server.port, server.me()[0]))) for server in servers]
    if any(names != fields[0] for names in fields):
        raise AssertionError(f"The servers show different fields: {fields}")
