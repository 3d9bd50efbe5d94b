"""What a hostile case is, and the rows that it meets."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from src.app.application.common.filters import Q, Where
from src.app.infrastructure.repositories.common_psql_repository import CommonPSQLRepository

AMMONITE: dict[str, Any] = {
    "name": "Ammonite",
    "code": "A1",
    "size": 3,
    "tags": ["old", "round"],
    "meta": {"a": 1, "list": ["zero", "one"], "like": {"e": "eel"}, "x' OR 1=1 --": "quoted"},
    "secret": "opal",
}
ODD: dict[str, Any] = {**AMMONITE, "name": "50%_\\ 'off'", "code": "B2", "meta": {"a": "1"}, "tags": []}
BOMBED: dict[str, Any] = {**dict.fromkeys(AMMONITE), "name": "a" * 5000}
ROWS = (AMMONITE, ODD, BOMBED)
"""Every case finds these three; `name` tells them apart."""

ALL = tuple(row["name"] for row in ROWS)
FIRST, SECOND, THIRD = ALL

SQL = "'; DELETE FROM cabinet.specimens; --"

Ask = Callable[[CommonPSQLRepository], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Case:
    """Something that is asked, perhaps in several ways: each is refused with these words, or answered."""

    what: str
    asks: Mapping[str, Ask] = field(repr=False)
    refusal: str | None = None
    answer: Any = field(default=None, repr=False)


def refused(kind: str, table: Mapping[str, tuple[Any, str]], asking: Callable[[Any], Ask]) -> Iterator[Case]:
    for what, (value, refusal) in table.items():
        yield Case(f"{kind}: {what}", {"": asking(value)}, refusal)


def answered(kind: str, table: Mapping[str, tuple[Any, Any]], asking: Callable[[Any], Ask]) -> Iterator[Case]:
    for what, (value, answer) in table.items():
        yield Case(f"{kind}, answered: {what}", {"": asking(value)}, answer=answer)


def itself(ask: Ask) -> Ask:
    return ask


def finding(where: Where) -> Ask:
    """Ask for the rows that match, and answer their names."""

    async def ask(specimens: CommonPSQLRepository) -> tuple[str, ...]:
        return tuple(row["name"] for row in await specimens.get_list(where, ("id",)))

    return ask


def nested(depth: int, wrap: Callable[[Any], Any], innermost: Any) -> Any:
    """Return what is wrapped `depth` times."""
    for _ in range(depth):
        innermost = wrap(innermost)
    return innermost


def chained(conditions: int, connector: str) -> Q:
    """Return that many conditions joined one by one."""
    joined = Q(size=3)
    for number in range(conditions):
        joined = joined & Q(size=number) if connector == "&" else joined | Q(size=number)
    return joined
