"""From the constraint that a write violated to the error that names the rule."""

from collections.abc import Callable, Mapping

from src.app.domain.common.exceptions import AlreadyExistsError, AppException
from src.app.infrastructure.extensions.psql_ext.errors import constraint_of

Violations = Mapping[str, Callable[[], AppException]]


def named(error: AppException, violations: Violations, *, table: str) -> AppException:
    """Return the error that the repository declares for the violated constraint.

    For a unique constraint that nobody declared, the columns follow from its name by the naming
    convention of the models: `uq_users_email`.
    """
    constraint = constraint_of(error.__cause__)
    if constraint is None:
        return error
    if constraint in violations:
        return violations[constraint]()
    if isinstance(error, AlreadyExistsError):
        column = constraint.removeprefix(f"uq_{table}_")
        return AlreadyExistsError(details=[{"key": column, "message": error.message, "code": "duplicate"}])
    return error
