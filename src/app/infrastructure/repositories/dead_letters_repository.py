from typing import Any
from uuid import UUID

from loguru import logger

from src.app.application.common.filters import Q
from src.app.application.common.lists import ListQuery
from src.app.application.common.page import Page
from src.app.application.dto.dead_letters import DeadLetterDTO
from src.app.domain.common.exceptions import ConflictError
from src.app.infrastructure.messaging import parking
from src.app.infrastructure.messaging.parking import State
from src.app.infrastructure.persistence.models.messages import DeadLetter
from src.app.infrastructure.repositories.base import BasePSQLRepository

REPLAYED_AT_ONCE = 500
"""Each key takes a lock until the end of the transaction, and the server has room for some 6400 of them."""


class DeadLettersPSQLRepository(BasePSQLRepository[DeadLetterDTO]):
    model = DeadLetter

    async def page_dead_letters(self, query: ListQuery) -> Page[Any]:
        return await self.get_queried(query, out=DeadLetterDTO)

    async def get_dead_letter(self, uuid: UUID) -> DeadLetterDTO:
        return await self.get_one({"uuid": uuid})

    async def edit(self, uuid: UUID, body: bytes) -> None:
        letter = await self.get_dead_letter(uuid)
        dead = {"uuid": uuid, "state": State.DEAD.value}
        if not await self.update(dead, {"body": body}):
            raise ConflictError(
                f"Only a dead letter can be edited; this one is {letter.state}", state=letter.state
            )
        logger.info("Dead letter {} was edited", uuid)

    async def replay(self, query: ListQuery) -> int:
        found = await self.get_list(query.where & Q(state=State.DEAD.value), ("id",), out=("uuid",))
        replayed = 0
        for start in range(0, len(found), REPLAYED_AT_ONCE):
            some = [letter.uuid for letter in found[start : start + REPLAYED_AT_ONCE]]
            async with self._source.transaction() as executor:
                replayed += await parking.replay(executor, some)
        logger.info("{} dead letters are tried again", replayed)
        return replayed

    async def discard(self, uuid: UUID) -> None:
        letter = await self.get_dead_letter(uuid)
        async with self._source.transaction() as executor:
            if not await parking.discard(executor, letter.queue, uuid, letter.key):
                raise ConflictError("It is being handled right now", state=letter.state)
        logger.info("Dead letter {} was discarded: {}", uuid, letter.reason)
