"""What PostgreSQL's errors mean to us, by SQLSTATE (PostgreSQL documentation, appendix A)."""

import asyncpg

from src.app.domain.common.exceptions import (
    AlreadyExistsError,
    AppException,
    ConflictError,
    ExternalServiceError,
    ValidationError,
)

UNIQUE_VIOLATION = "23505"

_BY_STATE: dict[str, tuple[type[AppException], str]] = {
    UNIQUE_VIOLATION: (AlreadyExistsError, "The resource already exists"),
    "23503": (ConflictError, "A resource that this refers to does not exist, or is still referred to"),
    "23": (ValidationError, "A value breaks a rule of the data"),
    "22": (ValidationError, "A value does not fit its field"),
    "40": (ExternalServiceError, "Another request changed the same data; retry"),
    "55P03": (ExternalServiceError, "Another request holds the same data; retry"),
    "57014": (ExternalServiceError, "The database took too long"),
}


def translated(error: Exception) -> AppException:
    """Return our error for the driver's; the constraint that was violated is in `details`.

    Anything that is not about the data (no connection, no memory, shutting down) is a database
    that is not available: the caller may come back.
    """
    if isinstance(error, asyncpg.exceptions.DataError) and error.sqlstate is None:
        return ValidationError("A value does not fit its field")
    state = getattr(error, "sqlstate", None) or ""
    kind, message = _BY_STATE.get(state) or _BY_STATE.get(state[:2]) or (None, "")
    if kind is None:
        if state[:2] in {"42", "0A", "2F"}:  # our own statement is wrong: a fault, not an outage
            raise error
        return ExternalServiceError("The database is not available")
    return kind(message)


def constraint_of(error: BaseException | None) -> str | None:
    """Return the name of the constraint that a driver's error is about, from its diagnostics."""
    return getattr(error, "constraint_name", None)
