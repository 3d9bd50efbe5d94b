"""What is asked of everybody who is measured, and what is not theirs to choose."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

CITY = "Rome"
PAGE_SIZE = 50
LIST_SIZE = 1000

Rows = Sequence[Mapping[str, Any]]


class Reader(Protocol):
    """One way to the users: whole rows, as dataclasses or as whatever this way makes of them."""

    async def get_first(self, uuid: UUID) -> Any:
        """Return the user of a uuid."""

    async def get_page(self, since: datetime) -> tuple[Sequence[Any], int | None]:
        """Return the newest active users of `CITY`, made since then, and how many there are."""

    async def get_list(self) -> Sequence[Any]:
        """Return the first users of `CITY` by id."""


class Peer(Reader, Protocol):
    """One way to the users, and to the table of people."""

    async def create(self, rows: Rows) -> None: ...

    async def create_with_ids(self, rows: Rows) -> Sequence[int]:
        """Insert people and return their ids in the order of the rows."""

    async def update(self, rows: Rows) -> None:
        """Set the other columns of the people with these ids."""
