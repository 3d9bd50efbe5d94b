from typing import Protocol


class PasswordHasher(Protocol):
    """Slow on purpose, so it runs off the event loop, and only so many at once."""

    async def hash(self, password: str) -> str: ...

    async def verify(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        """Tell whether the password is right, with a stronger hash to store if the old one is weak.

        Without a hash it is wrong, after the same time, so that nobody learns who has an account.

        Raises:
            RateLimitedError: too many are waiting already.
        """
