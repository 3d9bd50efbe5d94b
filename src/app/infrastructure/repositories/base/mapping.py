"""Between rows and what the application works with, by name.

A dataclass field takes the column of its name. What does not map by name is declared by the
repository: `composites` say which columns make up a value object, `renamed` which column a
field is read from.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Generic, TypeVar

from asyncpg import Record
from sqlalchemy import Table

_Thing = TypeVar("_Thing")

Composites = Mapping[str, tuple[Any, ...]]
"""Field → (value object, its columns in the order of its fields)."""


class Mapper(Generic[_Thing]):
    """Makes things of one type out of rows, and rows out of them: dataclasses, or plain dicts."""

    def __init__(
        self, cls: type[_Thing], table: Table, *, composites: Composites, renamed: Mapping[str, str]
    ) -> None:
        names = [field.name for field in fields(cls) if field.init] if is_dataclass(cls) else table.c.keys()
        self._cls = cls
        self._composites = {name: composites[name] for name in names if name in composites and is_dataclass(cls)}
        self._plain = {name: renamed.get(name, name) for name in names if name not in self._composites}
        # A column that is part of a value object is read once, under its own name.
        self.columns: dict[str, str] = {
            **self._plain,
            **{column: column for _, *columns in self._composites.values() for column in columns},
        }

    def thing(self, row: Record) -> _Thing:
        """Return the row, whose names are those of `columns`, as an instance."""
        if not self._composites:
            return self._cls(**row)
        values = {name: row[name] for name in self._plain}
        for name, (value_object, *columns) in self._composites.items():
            parts = [row[column] for column in columns]
            # A value of one column is absent with it; one of several decides for itself.
            values[name] = None if len(parts) == 1 and parts[0] is None else value_object(*parts)
        return self._cls(**values)

    def row(self, thing: _Thing) -> dict[str, Any]:
        """Return what a write stores, by column."""
        row = {column: getattr(thing, name) for name, column in self._plain.items()}
        for name, (_, *columns) in self._composites.items():
            value: Any = getattr(thing, name)
            parts = [None] * len(columns) if value is None else [getattr(value, f.name) for f in fields(value)]
            row.update(zip(columns, parts, strict=True))
        return row
