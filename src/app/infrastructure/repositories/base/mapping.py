"""Between rows and what the application works with, by name.

A dataclass field takes the column of its name. What does not map by name is declared by the
repository: `composites` say which columns make up a value object, `renamed` which column a
field is read from.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, make_dataclass
from functools import partial
from itertools import starmap
from typing import Any, Generic, TypeVar

from asyncpg import Record
from sqlalchemy import Table

from src.app.application.common.filters import unknown
from src.app.domain.common.exceptions import ValidationError
from src.app.infrastructure.repositories.base.columns import Columns, visible

_Thing = TypeVar("_Thing")

Composites = Mapping[str, tuple[Any, ...]]
"""Field → (value object, its columns in the order of its fields)."""


class Mapper(Generic[_Thing]):
    """Makes things of one type out of rows, and rows out of them: dataclasses, or plain dicts."""

    thing: Callable[[Record], _Thing]
    """Return a row as an instance; the row begins with `columns`, in their order."""

    things: Callable[[Sequence[Record]], list[_Thing]]
    """The same for rows that have no more than these columns."""

    def __init__(
        self, cls: type[_Thing], table: Table, *, composites: Composites, renamed: Mapping[str, str]
    ) -> None:
        if not is_dataclass(cls) and cls is not dict:
            raise TypeError(f"Rows become dataclasses or dicts, not {cls.__name__}")
        names = [field.name for field in fields(cls) if field.init] if is_dataclass(cls) else table.c.keys()
        self._composites = {name: composites[name] for name in names if name in composites and is_dataclass(cls)}
        self._plain = {name: renamed.get(name, name) for name in names if name not in self._composites}
        # A column that is part of a value object is read once, under its own name.
        self.columns = Columns(self._plain)
        self.columns |= {column: column for _, *columns in self._composites.values() for column in columns}
        for column in self.columns.values():
            if column not in table.c:
                raise TypeError(f"{table.name} has no column {column}, which {cls.__name__} is made of")
        # Four times as quick by their places as by their names, which costs what reading the row does.
        is_in_order = is_dataclass(cls) and not self._composites and not any(f.kw_only for f in fields(cls))
        width = len(self.columns)
        self.thing = (lambda row: cls(*row[:width])) if is_in_order else self._factory(cls)
        self.things = partial(_spread, cls) if is_in_order else partial(_made, self.thing)

    @property
    def has_rules(self) -> bool:
        """Whether making a thing may refuse a row."""
        return bool(self._composites)

    def row(self, thing: _Thing) -> dict[str, Any]:
        """Return what a write stores, by column."""
        row = {column: getattr(thing, name) for name, column in self._plain.items()}
        for name, (_, *columns) in self._composites.items():
            value: Any = getattr(thing, name)
            parts = [None] * len(columns) if value is None else [getattr(value, f.name) for f in fields(value)]
            row.update(zip(columns, parts, strict=True))
        return row

    def _factory(self, cls: type[_Thing]) -> Callable[[Record], _Thing]:
        # Written out and compiled once, as dataclasses write their `__init__`: a loop over the
        # names at each row would cost as much again as the driver.
        places = {label: f"row[{place}]" for place, label in enumerate(self.columns)}
        if not is_dataclass(cls):
            return eval(f"lambda row: {{{', '.join(f'{name!r}: {place}' for name, place in places.items())}}}")  # type: ignore[no-any-return] # noqa: S307
        arguments = [f"{name}={places[name]}" for name in self._plain]
        values: dict[str, Any] = {"make": cls}
        for name, (value_object, *columns) in self._composites.items():
            values[f"make_{name}"] = value_object
            parts = [places[column] for column in columns]
            made = f"make_{name}({', '.join(parts)})"
            # A value of one column is absent with it; one of several decides for itself.
            arguments.append(
                f"{name}=None if {parts[0]} is None else {made}" if len(parts) == 1 else f"{name}={made}"
            )
        factory: Callable[[Record], _Thing] = eval(f"lambda row: make({', '.join(arguments)})", values)  # noqa: S307
        return factory


def _spread(cls: type[_Thing], rows: Sequence[Record]) -> list[_Thing]:
    return list(starmap(cls, rows))


def _made(make: Callable[[Record], _Thing], rows: Sequence[Record]) -> list[_Thing]:
    return [make(row) for row in rows]


def dataclass_of(table: Table, names: Sequence[str], *, renamed: Mapping[str, str]) -> type[Any]:
    """Return a slotted dataclass with a field for each of these columns.

    Raises:
        ValidationError: the table has no such column, or it is not for callers.
    """
    known = visible(table)
    for name in names:
        if renamed.get(name, name) not in known:
            raise unknown("column", name, [*known, *renamed])
    if not names:
        raise ValidationError("Name at least one column", field="fields")
    return make_dataclass(f"{table.name}_row", [(name, Any) for name in dict.fromkeys(names)], slots=True)
