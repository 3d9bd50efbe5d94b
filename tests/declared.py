"""Holds every use case to the errors that it declares with `@raises`, whichever test calls it."""

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from src.app.application import services
from src.app.application.common.raises import errors_of
from src.app.domain.common.exceptions import AppException, ExternalServiceError

# What stands below may be out whatever is asked of it.
EVERYWHERE = (ExternalServiceError,)

undeclared: list[str] = []
"""What was let out undeclared since the list was emptied."""


def use_cases() -> Iterator[tuple[type, str, Callable[..., Any]]]:
    """Yield the class, the name and the function of every use case."""
    for module in pkgutil.iter_modules(services.__path__, f"{services.__name__}."):
        for service in vars(importlib.import_module(module.name)).values():
            is_own = inspect.isclass(service) and service.__module__ == module.name
            if not is_own or Protocol in service.__bases__:
                continue
            for name, function in inspect.getmembers(service, inspect.iscoroutinefunction):
                if not name.startswith("_"):
                    yield service, name, function


def hold_to_declarations() -> None:
    """Have each use case note what it lets out and does not declare."""
    for service, name, function in use_cases():
        if hasattr(function, "__raises__"):
            setattr(service, name, held(function))


def held(function: Callable[..., Any]) -> Callable[..., Any]:
    declared = (*errors_of(function), *EVERYWHERE)

    @functools.wraps(function)
    async def checked(*args: Any, **kwargs: Any) -> Any:
        try:
            return await function(*args, **kwargs)
        except AppException as error:
            if not isinstance(error, declared):
                undeclared.append(f"{function.__qualname__} lets out {type(error).__name__}: {error.message}")
            raise

    return checked
