"""The same work done in several ways, in turns, so that what drifts on this machine drifts for all."""

import gc
import time
from collections.abc import Awaitable, Callable, Mapping
from statistics import median
from typing import Any, Literal, TypeAlias

from src.local.progress import step

Way = Callable[[], Awaitable[Any]]
Figure = Literal["cpu", "wall"]
Taken: TypeAlias = dict[Figure, float]
"""The seconds that one call took: of this process's CPU, and on the clock."""

_NAMES: dict[Figure, str] = {"cpu": "CPU", "wall": "on the clock"}


class Turns:
    """What each way took, round by round."""

    def __init__(self, taken: Mapping[str, list[Taken]]) -> None:
        self._taken = taken

    def seconds(self, name: str, figure: Figure) -> float:
        return median(taken[figure] for taken in self._taken[name])

    def ratio(self, name: str, to: str, figure: Figure) -> float:
        """Return how many times as long a way took as another, by the median of the rounds."""
        pairs = zip(self._taken[name], self._taken[to], strict=True)
        return median(own[figure] / other[figure] for own, other in pairs)

    def beside(self, name: str, to: str, figure: Figure) -> str:
        """Return the times of a way and of another, and how many times as long as that the rest took."""
        times = f"{_text(self.seconds(name, figure))} of {_text(self.seconds(to, figure))} {_NAMES[figure]} ({to})"
        rest = [
            f"{other} {self.ratio(other, to, figure):.1f} ×" for other in self._taken if other not in (name, to)
        ]
        return f"{times}; {', '.join(rest)}" if rest else times

    def both(self, name: str, to: str) -> str:
        """Return how many times as long a way took as another, by either clock."""
        return ", ".join(f"{self.ratio(name, to, figure):.1f} × {text}" for figure, text in _NAMES.items())


async def take_turns(
    title: str, ways: Mapping[str, Way], *, rounds: int, calls: int = 1, before: Way | None = None
) -> Turns:
    """Measure each way in each round by the mean of its calls; `before` each turn is not measured."""
    taken: dict[str, list[Taken]] = {name: [] for name in ways}
    with step(title) as note:
        for number in range(rounds):
            # There and back, so that nobody always follows the same neighbour.
            for name in list(ways)[:: -1 if number % 2 else 1]:
                if before is not None:
                    await before()
                taken[name].append(await _turn(ways[name], calls))
            note(f"{number + 1}/{rounds}")
    return Turns(taken)


async def _turn(way: Way, calls: int) -> Taken:
    # What the one before left behind is not this one's to clear away.
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(calls):
        await way()
    return {"cpu": (time.process_time() - cpu) / calls, "wall": (time.perf_counter() - wall) / calls}


def _text(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds >= 0.001 else f"{seconds * 1e6:.0f} µs"
