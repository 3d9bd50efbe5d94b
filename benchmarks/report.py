"""What a benchmark found: rows for a table, and for `.local/results/<name>.json`."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Bound:
    """What a value should reach, from below or from above."""

    limit: float
    is_upper: bool

    def holds(self, value: float) -> bool:
        return value <= self.limit if self.is_upper else value >= self.limit

    def __str__(self) -> str:
        return f"{'≤' if self.is_upper else '≥'} {self.limit:g}"


def at_least(limit: float) -> Bound:
    return Bound(limit, is_upper=False)


def at_most(limit: float) -> Bound:
    return Bound(limit, is_upper=True)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure; without a `must` it is there to be read."""

    what: str
    value: float
    must: Bound | None = None
    goal: Bound | None = None
    detail: str = ""

    @property
    def is_missed(self) -> bool:
        return self.must is not None and not self.must.holds(self.value)

    def as_json(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "value": round(self.value, 4),
            "must": str(self.must) if self.must else None,
            "goal": str(self.goal) if self.goal else None,
            "detail": self.detail,
        }


def of_two_runs(first: Iterable[Row], second: Iterable[Row]) -> list[Row]:
    """Return the rows of the second run, but a miss stands only where both runs missed."""
    again = {row.what: row for row in second}
    return [_of_both(row, again.get(row.what, row)) for row in first]


def write(path: Path, rows: Iterable[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([row.as_json() for row in rows], ensure_ascii=False, indent=2) + "\n")


def table(rows: Sequence[Row]) -> str:
    """Return the rows in columns; an exclamation mark stands before a miss, a plus where the goal is met."""
    cells = [
        (
            _mark(row),
            row.what,
            _number(row.value),
            str(row.must or ""),
            str(row.goal or ""),
            row.detail,
        )
        for row in rows
    ]
    head = ("", "what", "value", "must", "goal", "detail")
    widths = [max(len(line[place]) for line in (head, *cells)) for place in range(len(head))]
    lines = []
    for line in (head, tuple("-" * width for width in widths), *cells):
        mark, what, value, must, goal, detail = line
        columns = (
            mark.ljust(widths[0]),
            what.ljust(widths[1]),
            value.rjust(widths[2]),
            must.ljust(widths[3]),
            goal.ljust(widths[4]),
            detail,
        )
        lines.append("  ".join(columns).rstrip())
    return "\n".join(lines)


def _of_both(first: Row, second: Row) -> Row:
    if second.is_missed and not first.is_missed:
        return first
    if first.is_missed:
        return replace(second, detail=f"{second.detail}; first run {_number(first.value)}".removeprefix("; "))
    return second


def _mark(row: Row) -> str:
    if row.is_missed:
        return "!"
    return "+" if row.goal is not None and row.goal.holds(row.value) else ""


def _number(value: float) -> str:
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 20 else 2
    return f"{value:,.{digits}f}"
