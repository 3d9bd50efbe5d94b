from collections.abc import Callable
from typing import Any, TypeVar

from src.app.domain.common.exceptions import AppException

_UseCase = TypeVar("_UseCase", bound=Callable[..., Any])


def raises(*errors: type[AppException]) -> Callable[[_UseCase], _UseCase]:
    """Declare the errors that a use case refuses with; the doors document them."""

    def declare(use_case: _UseCase) -> _UseCase:
        use_case.__raises__ = errors  # type: ignore[attr-defined]
        return use_case

    return declare


def errors_of(use_case: Callable[..., Any]) -> tuple[type[AppException], ...]:
    """Return what `use_case` declared with `@raises`."""
    declared: tuple[type[AppException], ...] = getattr(use_case, "__raises__", ())
    return declared
