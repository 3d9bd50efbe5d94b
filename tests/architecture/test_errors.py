"""The tree of errors, its drawing, and the table of what each kind means."""

import re

from src.app.domain.auth import exceptions as auth
from src.app.domain.common import exceptions as kernel
from src.app.domain.common.exceptions import AppException
from src.app.domain.users import exceptions as users
from src.app.interfaces.outcomes import OUTCOMES, outcome_of

_LINE = re.compile(r"^ {4}(?P<branch>[│ ├└─]*)(?P<name>\w+)")


def drawn() -> dict[str, str | None]:
    """Return each drawn class and the one that it hangs below."""
    parents: dict[str, str | None] = {}
    path: list[str] = []
    for line in (kernel.__doc__ or "").splitlines():
        found = _LINE.match(line)
        if found is None or not line.startswith("    "):
            continue
        depth = len(found["branch"]) // 4
        path = [*path[:depth], found["name"]]
        parents[found["name"]] = path[depth - 1] if depth else None
    return parents


def named() -> dict[str, str | None]:
    """Return each class and its parent."""
    parents: dict[str, str | None] = {"AppException": None}
    for name, kind in vars(kernel).items():
        if isinstance(kind, type) and issubclass(kind, AppException) and kind is not AppException:
            parents[name] = kind.__base__.__name__ if kind.__base__ else None
    return parents


def errors() -> list[type[AppException]]:
    """Return every error that somebody may raise."""
    found = [error for module in (kernel, auth, users) for error in vars(module).values()]
    return [
        error
        for error in found
        if isinstance(error, type) and issubclass(error, AppException) and error is not AppException
    ]


class TestTree:
    def test_the_drawing_shows_the_classes(self) -> None:
        assert drawn() == named()

    def test_every_error_finds_its_outcome(self) -> None:
        for error in errors():
            assert outcome_of(error) != OUTCOMES[AppException], error

    def test_codes_and_messages_are_for_everyone(self) -> None:
        for error in errors():
            assert re.fullmatch(r"[A-Z][A-Z_]+", error.code)
            assert re.fullmatch(r"[A-Z].+[^.]", error.default_message)
