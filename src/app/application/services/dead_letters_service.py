from typing import Any
from uuid import UUID

from src.app.application.common.actor import Actor
from src.app.application.common.filters import Q
from src.app.application.common.lists import ListRequest, PageSizes
from src.app.application.common.page import Page
from src.app.application.common.raises import raises
from src.app.application.dto.dead_letters import DEAD_LETTERS, DeadLetterDTO
from src.app.application.ports.dead_letters import DeadLetters
from src.app.domain.common.exceptions import AuthorizationError, ConflictError, NotFoundError, ValidationError


class AppDeadLettersService:
    """Messages that nobody could handle, for those who mend them."""

    def __init__(self, *, dead_letters: DeadLetters, page_sizes: PageSizes) -> None:
        self._dead_letters = dead_letters
        self._page_sizes = page_sizes

    @raises(AuthorizationError, ValidationError)
    async def list_dead_letters(self, actor: Actor, request: ListRequest) -> Page[Any]:
        """Show those that match, without their bodies; the oldest first."""
        actor.require("dead_letters:read")
        query = DEAD_LETTERS.query(request, actor=actor, sizes=self._page_sizes)
        return await self._dead_letters.page_dead_letters(query)

    @raises(AuthorizationError, NotFoundError)
    async def get_dead_letter(self, actor: Actor, uuid: UUID) -> DeadLetterDTO:
        """Show one as it came."""
        actor.require("dead_letters:read")
        return await self._dead_letters.get_dead_letter(uuid)

    @raises(AuthorizationError, NotFoundError, ConflictError)
    async def edit_dead_letter(self, actor: Actor, uuid: UUID, body: bytes) -> None:
        """Give a dead one another body, to be replayed."""
        actor.require("dead_letters:write")
        await self._dead_letters.edit(uuid, body)

    @raises(AuthorizationError, ValidationError)
    async def replay_dead_letters(self, actor: Actor, where: Q) -> int:
        """Have all that match be tried again by the consumer; what waits behind them follows. Return how many."""
        actor.require("dead_letters:write")
        if not where:
            raise ValidationError("Say which, by their uuid or what they have in common", field="where")
        query = DEAD_LETTERS.query(ListRequest(where=where), actor=actor, sizes=self._page_sizes)
        return await self._dead_letters.replay(query)

    @raises(AuthorizationError, NotFoundError, ConflictError)
    async def discard_dead_letter(self, actor: Actor, uuid: UUID) -> None:
        """Forget one for good; what waits behind it is handled next."""
        actor.require("dead_letters:write")
        await self._dead_letters.discard(uuid)
