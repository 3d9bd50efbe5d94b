"""Which columns: those that a statement returns, and those that callers may ask by."""

from sqlalchemy import Table


class Columns(dict[str, str]):
    """What a statement returns: label → column. Told apart by identity, by whoever keeps statements."""

    __hash__ = object.__hash__  # type: ignore[assignment]
    __eq__ = object.__eq__
    __ne__ = object.__ne__


NONE = Columns()


def visible(table: Table) -> list[str]:
    """Return the columns that may be asked by: to callers, what is marked sensitive is not there."""
    return [column.name for column in table.c if not column.info.get("sensitive")]
