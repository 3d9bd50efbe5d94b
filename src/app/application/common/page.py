from dataclasses import dataclass
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[_Item]):
    """A part of a list.

    `total` is how many there are in all, unless nobody asked; `offset` how many come before, which
    a page by cursor does not know. `next_cursor` is where the next page begins, if there is one.
    """

    items: list[_Item]
    limit: int
    has_more: bool
    total: int | None = None
    offset: int | None = None
    next_cursor: str | None = None
