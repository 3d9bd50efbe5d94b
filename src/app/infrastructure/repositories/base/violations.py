"""From what the database refused to the error that names the rule, or the field."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import String, Table

from src.app.application.common.filters import Family
from src.app.application.common.text import is_storable
from src.app.domain.common.exceptions import AlreadyExistsError, AppException, ConflictError, ValidationError
from src.app.infrastructure.extensions.psql_ext.errors import column_of, constraint_of
from src.app.infrastructure.repositories.base.guards import SecurityValidator

Violations = Mapping[str, Callable[[], AppException]]
Rows = Iterable[Mapping[str, Any]]


def named(error: AppException, violations: Violations, *, table: Table, rows: Rows = ()) -> AppException:
    """Return the error that says which rule of the table was broken, or which value of `rows` does not fit.

    That is what the repository declares for the violated constraint. For one that nobody declared
    the rule follows from its name, by the naming convention of the models: `uq_users_email`.
    """
    constraint = constraint_of(error.__cause__)
    if constraint is not None:
        return violations[constraint]() if constraint in violations else _by_convention(error, constraint, table)
    if isinstance(error, ValidationError) and error.__cause__ is not None:
        column = column_of(error.__cause__)
        found = ValidationError(f"{column} is required, or does not fit", field=column) if column else error
        return unfit(table, rows) or found
    return error


def unfit(table: Table, rows: Rows) -> ValidationError | None:
    """Return what is wrong with the first value that does not fit into its column.

    It is looked for only when the driver has refused: checking each value before it would cost
    what writing it does.
    """
    return next(_refusals(table, rows), None)


def _by_convention(error: AppException, constraint: str, table: Table) -> AppException:
    kind, _, rule = constraint.partition(f"_{table.name}_")
    match kind:
        case "uq" | "pk":
            return AlreadyExistsError(details=[{"key": rule, "message": error.message, "code": "duplicate"}])
        case "ck":
            return ValidationError(f"A value breaks the rule {rule}", field=rule)
        case "fk":
            keys = (key for key in table.foreign_key_constraints if key.name == constraint)
            column = next((key.column_keys[0] for key in keys), rule)
            return ConflictError("It refers to what does not exist", field=column)
        case _:
            return error


def _refusals(table: Table, rows: Rows) -> Iterator[ValidationError]:
    for name, value in (item for row in rows for item in row.items()):
        type_ = table.c[name].type
        guard = SecurityValidator(name, type_)
        if value is None or guard.family in {Family.JSON, Family.LIST, Family.OTHER}:
            continue
        if guard.family is not Family.TEXT:
            try:
                guard.one(value)
            except ValidationError as refusal:
                yield refusal
        elif not isinstance(value, str) or not is_storable(value):
            yield ValidationError(f"{name} takes text", field=name)
        elif isinstance(type_, String) and type_.length and len(value) > type_.length:
            yield ValidationError(f"{name} takes at most {type_.length} characters", field=name)
