import asyncio

import pytest

from src.app.domain.common.exceptions import RateLimitedError
from src.app.infrastructure.providers.passwords import MAX_WAITING, PasslibHasher

HASHER = PasslibHasher(rounds=4)


class TestVerify:
    async def test_only_the_right_password_is_right(self) -> None:
        hashed = await HASHER.hash("a good long phrase")

        assert await HASHER.verify("a good long phrase", hashed) == (True, None)
        assert await HASHER.verify("a good long phrasE", hashed) == (False, None)

    async def test_nothing_past_the_72nd_byte_is_cut_off(self) -> None:
        hashed = await HASHER.hash("x" * 100)

        assert await HASHER.verify("x" * 100, hashed) == (True, None)
        assert await HASHER.verify("x" * 99, hashed) == (False, None)

    async def test_a_weaker_hash_is_replaced(self) -> None:
        hashed = await HASHER.hash("a good long phrase")

        is_right, stronger = await PasslibHasher(rounds=5).verify("a good long phrase", hashed)

        assert is_right
        assert stronger is not None
        assert "$5$" in stronger or "r=5" in stronger

    @pytest.mark.parametrize("hashed", [None, "", "nonsense", "$2b$"])
    async def test_without_a_hash_it_is_wrong(self, hashed: str | None) -> None:
        assert await HASHER.verify("a good long phrase", hashed) == (False, None)


class TestBounds:
    async def test_the_event_loop_goes_on_meanwhile(self) -> None:
        slow = PasslibHasher(rounds=10)
        hashing = asyncio.gather(*(slow.hash("a good long phrase") for _ in range(4)))
        beats = 0
        while not hashing.done():
            await asyncio.sleep(0.001)
            beats += 1

        assert beats > 10

    async def test_too_many_at_once_are_told_to_come_back(self) -> None:
        attempts = [HASHER.hash("a good long phrase") for _ in range(MAX_WAITING + 5)]

        answers = await asyncio.gather(*attempts, return_exceptions=True)

        assert sum(isinstance(answer, RateLimitedError) for answer in answers) == 5
