from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

_Declared = TypeVar("_Declared", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Deprecation:
    """That something is to go: since when that is known, from when on it may be gone, and a page on what to use.

    An operation is declared with `@deprecated(Deprecation(…))` below its route, a field with
    `Annotated[str, Deprecation(…)]`, a version of the API in `VERSIONS`.
    """

    since: date
    sunset: date | None = None
    link: str | None = None

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {**handler(schema), "deprecated": True}


def deprecated(deprecation: Deprecation) -> Callable[[_Declared], _Declared]:
    """Declare that an operation is to go."""

    def declare(operation: _Declared) -> _Declared:
        operation.__deprecation__ = deprecation  # type: ignore[attr-defined]
        return operation

    return declare


def deprecation_of(operation: Callable[..., Any]) -> Deprecation | None:
    """Return what was declared of an operation."""
    return getattr(operation, "__deprecation__", None)


def deprecated_fields(shown: Any) -> dict[str, Deprecation]:
    """Return the fields of a class, or of the class that a list or page is of, that are to go."""
    if get_origin(shown) is not None:
        return {name: told for inner in get_args(shown) for name, told in deprecated_fields(inner).items()}
    if not isinstance(shown, type) or not hasattr(shown, "__annotations__"):
        return {}
    hints = get_type_hints(shown, include_extras=True)
    return {
        name: told
        for name, hint in hints.items()
        for told in getattr(hint, "__metadata__", ())
        if isinstance(told, Deprecation)
    }
