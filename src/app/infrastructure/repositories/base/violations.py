"""From what the database refused to the error that names the rule, or the field."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import Table

from src.app.domain.common.exceptions import AlreadyExistsError, AppException, ConflictError, ValidationError
from src.app.infrastructure.extensions.psql_ext.errors import column_of, constraint_of, is_missing
from src.app.infrastructure.repositories.base.stored import taken_by, unfit

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
        return unfit(table, rows) or _about_the_column(error, table)
    return error


def _about_the_column(error: AppException, table: Table) -> AppException:
    column = column_of(error.__cause__)
    if column is None or column not in table.c:
        return error
    takes = "a value; it is required" if is_missing(error.__cause__) else taken_by(table, column)
    return ValidationError(f"{column} takes {takes}", field=column)


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
