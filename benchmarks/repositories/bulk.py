"""Many people at once: copied in, inserted with their ids back, updated."""

from collections.abc import Mapping
from functools import partial

from benchmarks.report import Row, at_least
from benchmarks.repositories.by_hand import UPDATED, WRITTEN, ByHand
from benchmarks.repositories.peer import Peer
from benchmarks.repositories.people import changed_people, new_people, tuples
from benchmarks.repositories.turns import Turns, Way, take_turns

ROUNDS = 5
MANY = 10_000
MORE = 100_000
FEW = 1000


async def measure(by_hand: ByHand, peers: Mapping[str, Peer]) -> list[Row]:
    await _compare(by_hand, peers)
    created = await _create(by_hand, peers, MANY)
    more = await _create(by_hand, {name: peers[name] for name in ("Allium", "Core")}, MORE)
    with_ids = await _create_with_ids(by_hand, peers)
    updated = await _update(by_hand, peers)
    fastest = min(("temporary table", "unnest"), key=lambda way: updated.seconds(way, "wall"))
    return [
        _of("COPY", f"create_bulk of {MANY:,}: rows/s, of COPY", created, must=0.65, goal=0.85),
        _of("COPY", f"create_bulk of {MORE:,}: rows/s, of COPY", more, must=0.65, goal=0.85),
        _of("COPY", f"create_bulk of {MANY:,}, ids back: rows/s, of COPY", with_ids, must=0.35, goal=0.45),
        _of(fastest, f"update_bulk of {MANY:,}: rows/s, of the fastest by hand", updated, must=0.75, goal=0.9),
        _beside_advanced_alchemy(f"create_bulk of {MANY:,}", created),
        _beside_advanced_alchemy(f"update_bulk of {MANY:,}", updated),
    ]


async def _create(by_hand: ByHand, peers: Mapping[str, Peer], number: int) -> Turns:
    rows = list(new_people(number))
    ways: dict[str, Way] = {
        "COPY": partial(by_hand.create, tuples(rows, WRITTEN)),
        **{name: partial(peer.create, rows) for name, peer in peers.items()},
    }
    return await take_turns(f"create {number // 1000}k", ways, rounds=ROUNDS, before=by_hand.empty)


async def _create_with_ids(by_hand: ByHand, peers: Mapping[str, Peer]) -> Turns:
    rows = list(new_people(MANY))
    given = tuples(rows, WRITTEN)
    ways: dict[str, Way] = {
        "COPY": partial(by_hand.create, given),
        "by hand": partial(by_hand.create_with_ids, given),
        **{name: partial(peer.create_with_ids, rows) for name, peer in peers.items()},
    }
    return await take_turns("create, ids", ways, rounds=ROUNDS, before=by_hand.empty)


async def _update(by_hand: ByHand, peers: Mapping[str, Peer]) -> Turns:
    rows = list(changed_people(MANY))
    given = tuples(rows, UPDATED)
    ways: dict[str, Way] = {
        "temporary table": partial(by_hand.update_by_table, given),
        "unnest": partial(by_hand.update_by_arrays, given),
        **{name: partial(peer.update, rows) for name, peer in peers.items()},
    }
    before = partial(by_hand.fill, tuples(list(new_people(MANY)), WRITTEN))
    return await take_turns("update", ways, rounds=ROUNDS, before=before)


def _of(base: str, what: str, turns: Turns, *, must: float, goal: float) -> Row:
    return Row(
        what,
        turns.ratio(base, "Allium", "wall"),
        must=at_least(must),
        goal=at_least(goal),
        detail=turns.beside("Allium", base, "wall"),
    )


def _beside_advanced_alchemy(work: str, turns: Turns) -> Row:
    return Row(
        f"{work}: times as fast as advanced-alchemy",
        turns.ratio("advanced-alchemy", "Allium", "wall"),
        must=at_least(5),
        goal=at_least(6),
        detail=turns.both("advanced-alchemy", "Allium"),
    )


async def _compare(by_hand: ByHand, peers: Mapping[str, Peer]) -> None:
    # Whoever stores less would win by it.
    rows, changes = list(new_people(FEW)), list(changed_people(FEW))
    created, changed = tuples(rows, WRITTEN), tuples(changes, UPDATED)
    for name, peer in peers.items():
        await by_hand.empty()
        await peer.create(rows)
        is_right = await by_hand.stored(WRITTEN) == created
        await by_hand.empty()
        ids = await peer.create_with_ids(rows)
        is_right &= await by_hand.stored(["id", *WRITTEN]) == [
            (id_, *row) for id_, row in zip(ids, created, strict=True)
        ]
        await by_hand.fill(created)
        await peer.update(changes)
        is_right &= await by_hand.stored(UPDATED) == changed
        if not is_right:
            raise AssertionError(f"Not the people that were given: {name}")
