"""Signing in: how many a second on all cores, and what other requests feel of it."""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from statistics import median

from benchmarks.load import Load, Outcome, clients, drive
from benchmarks.peers import ALLIUM, LIMIT, Served, served
from benchmarks.report import Row, at_least, at_most
from benchmarks.stage import ROUNDS_OF_BCRYPT, Stage
from src.local.progress import step

ROUNDS = 3
SIGN_INS = 8 * (os.cpu_count() or 1)
AT_ONCE = 2 * (os.cpu_count() or 1)
DISTURBING = 4
SECONDS = 2.0


def measure(stage: Stage) -> list[Row]:
    with ExitStack() as stack:
        with step("peers"):
            limit, allium = (stack.enter_context(served(stage, peer)) for peer in (LIMIT, ALLIUM))
        pool = stack.enter_context(clients(2))
        return [*_throughput(pool, limit, allium), *_disturbance(pool, limit, allium)]


def _throughput(pool: ProcessPoolExecutor, limit: Served, allium: Served) -> list[Row]:
    def sign_in(server: Served) -> Outcome:
        return pool.submit(drive, Load(server.port, server.sign_ins(AT_ONCE), count=SIGN_INS)).result()

    bare, ours = [], []
    for number in range(ROUNDS):
        with step(f"sign-ins {number + 1}/{ROUNDS}") as note:
            bare.append(sign_in(limit).rate)
            ours.append(sign_in(allium).rate)
            note(f"{bare[-1]:.1f}/s {ours[-1]:.1f}/s")
    return [
        Row(
            "sign-ins/s on all cores, of bare bcrypt",
            median(own / other for own, other in zip(ours, bare, strict=True)),
            must=at_least(0.95),
            goal=at_least(1.0),
            detail=f"{median(ours):.1f}/s of {median(bare):.1f}/s, cost {ROUNDS_OF_BCRYPT}",
        )
    ]


def _disturbance(pool: ProcessPoolExecutor, limit: Served, allium: Served) -> list[Row]:
    def alone(server: Served) -> Outcome:
        return pool.submit(drive, Load(server.port, server.me(), seconds=SECONDS)).result()

    def during(server: Served) -> Outcome:
        signing_in = pool.submit(drive, Load(server.port, server.sign_ins(DISTURBING), seconds=SECONDS))
        outcome = alone(server)
        signing_in.result()
        return outcome

    ways: list[tuple[Served, Callable[[Served], Outcome]]] = [
        (limit, alone),
        (limit, during),
        (allium, alone),
        (allium, during),
    ]
    p99: list[list[float]] = [[] for _ in ways]
    for number in range(ROUNDS):
        with step(f"beside {number + 1}/{ROUNDS}") as note:
            for (server, way), figures in zip(ways, p99, strict=True):
                figures.append(way(server).p99_ms)
                note(f"{figures[-1]:.1f} ms")
    (limit_alone, limit_during, ours_alone, ours_during) = (median(figures) for figures in p99)
    return [
        Row(
            f"p99 of me during {DISTURBING} sign-ins, ms",
            ours_during,
            must=at_most(10),
            goal=at_most(5),
            detail=f"limit {limit_during:.1f} ms",
        ),
        Row(
            f"p99 of me during {DISTURBING} sign-ins, times alone",
            ours_during / ours_alone,
            must=at_most(3),
            detail=f"alone {ours_alone:.1f} ms; limit {limit_during / limit_alone:.1f} times {limit_alone:.1f} ms",
        ),
    ]
