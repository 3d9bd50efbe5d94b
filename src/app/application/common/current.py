from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

_Value = TypeVar("_Value")


class Current(Generic[_Value]):
    """The one of its kind that the running process uses, for who cannot be handed it."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._value: _Value | None = None

    @contextmanager
    def use(self, value: _Value) -> Iterator[None]:
        """Make `value` the current one for the block; the one before comes back after it."""
        before, self._value = self._value, value
        try:
            yield
        finally:
            self._value = before

    def get(self) -> _Value:
        """Return the current one.

        Raises:
            RuntimeError: there is none yet.
        """
        if self._value is None:
            raise RuntimeError(f"No {self._what} is running in this process; enter bootstrap(settings) first")
        return self._value
