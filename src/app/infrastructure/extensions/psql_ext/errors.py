"""What PostgreSQL's errors mean to us, by SQLSTATE (PostgreSQL documentation, appendix A)."""

import re

import asyncpg

from src.app.domain.common.exceptions import (
    AlreadyExistsError,
    AppException,
    ConflictError,
    ExternalServiceError,
    ValidationError,
)

DRIVER_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)

_BY_STATE: dict[str, tuple[type[AppException], str]] = {
    "23505": (AlreadyExistsError, "The resource already exists"),
    "23503": (ConflictError, "A resource that this refers to does not exist, or is still referred to"),
    "23": (ValidationError, "A value breaks a rule of the data"),
    "21000": (ValidationError, "Two rows of one call are about the same row"),
    "22": (ValidationError, "A value does not fit its field"),
    "54": (ValidationError, "A value is more than the database takes"),
    "40": (ExternalServiceError, "Another request changed the same data; retry"),
    "55P03": (ExternalServiceError, "Another request holds the same data; retry"),
    "57014": (ExternalServiceError, "The database took too long"),
}

_COPIED_COLUMN = re.compile(r"^COPY \w+, line \d+, column (\w+)$", re.MULTILINE)

# The statement itself is wrong, or the schema is another one: a fault of ours and not an outage.
_OUR_FAULT = frozenset({"42", "0A", "2F"})


def translated(error: Exception) -> AppException:
    """Return our error for the driver's; anything that is not about the data is an outage.

    Raises:
        Exception: the driver's own error, where our statement is at fault.
    """
    state = getattr(error, "sqlstate", None) or ""
    if state[:2] in _OUR_FAULT:
        raise error
    if isinstance(error, asyncpg.PostgresError):
        # It holds the values of the row that was refused, a password's hash among them, and
        # whoever logs the traceback would write them down.
        error.detail = None
        if isinstance(error, asyncpg.DataError):
            error.args = ("a value does not fit its parameter",)
    kind, message = _BY_STATE.get(state) or _BY_STATE.get(state[:2]) or (None, "")
    return kind(message) if kind else ExternalServiceError("The database is not available")


def column_of(error: BaseException | None) -> str | None:
    """Return the name of the column that a driver's error is about, from its diagnostics."""
    in_copy = _COPIED_COLUMN.search(getattr(error, "context", None) or "")
    return getattr(error, "column_name", None) or (in_copy[1] if in_copy else None)


def is_missing(error: BaseException | None) -> bool:
    """Tell whether a driver's error is about a value that must be there."""
    return getattr(error, "sqlstate", None) == "23502"


def is_outage(error: AppException) -> bool:
    """Tell whether it is the server that failed, and not the statement that took too long there."""
    state = getattr(error.__cause__, "sqlstate", None) or ""
    return isinstance(error, ExternalServiceError) and state not in _BY_STATE


def ends_connection(error: BaseException) -> bool:
    """Tell whether the server has said goodbye with this, though the connection may still seem open.

    Class 08 is a lost connection, 57P a server that shuts down or crashed.
    """
    state = getattr(error, "sqlstate", None) or ""
    return state.startswith(("08", "57P")) or isinstance(error, asyncpg.InternalClientError)


def may_be_repeated(error: AppException) -> bool:
    """Tell whether the statement did nothing because of another one at the same time, and may go well now."""
    return getattr(error.__cause__, "sqlstate", None) in {"40001", "40P01"}


def constraint_of(error: BaseException | None) -> str | None:
    """Return the name of the constraint that a driver's error is about, from its diagnostics."""
    return getattr(error, "constraint_name", None)
