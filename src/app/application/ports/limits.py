from enum import StrEnum
from typing import NamedTuple, Protocol

from src.app.application.common.actor import Actor


class Limited(StrEnum):
    """What is limited more strictly than requests in general."""

    SIGN_UP = "sign-up"
    TOKENS = "tokens"
    RESET = "reset"
    VERIFICATION = "verification"


class Allowance(NamedTuple):
    """What a caller may still do of a policy within its window; `reset` is the seconds until it begins anew."""

    policy: str
    limit: int
    remaining: int
    reset: int
    is_exceeded: bool = False


class RateLimits(Protocol):
    """How often a caller may come. A limit of None is none."""

    def count(self, caller: str, actor: Actor | None) -> Allowance | None:
        """Count a request of a caller; what other processes counted is known after a second."""

    async def hit(self, what: Limited, caller: str) -> Allowance | None:
        """Count an attempt, exactly, in all processes."""
