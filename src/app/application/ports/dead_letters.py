from typing import Any, Protocol
from uuid import UUID

from src.app.application.common.lists import ListQuery
from src.app.application.common.page import Page
from src.app.application.dto.dead_letters import DeadLetterDTO


class DeadLetters(Protocol):
    """Messages that were not handled, and wait."""

    async def page_dead_letters(self, query: ListQuery) -> Page[Any]: ...

    async def get_dead_letter(self, uuid: UUID) -> DeadLetterDTO:
        """Read one.

        Raises:
            NotFoundError: there is none; it may have been handled meanwhile.
        """

    async def edit(self, uuid: UUID, body: bytes) -> None:
        """Give a dead one another body; raises as `get_dead_letter`, and ConflictError where it is not dead."""

    async def replay(self, query: ListQuery) -> int:
        """Have the dead ones that match be tried again, each in the order of its key; return how many."""

    async def discard(self, uuid: UUID) -> None:
        """Forget one, and let the next of its key come up.

        Raises as `get_dead_letter`, and ConflictError where it is being handled.
        """
