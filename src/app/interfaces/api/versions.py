"""The versions of the API, and how a path and an operation say theirs."""

from src.app.application.common.deprecation import Deprecation

VERSIONS: dict[str, Deprecation | None] = {"v1": None, "v2": None}
"""v1 answers plain bodies; v2 the same from the same handlers, in an envelope (see `middleware/versions.py`).

One that is deprecated says so here.
"""
DEFAULT_VERSION = "v1"
PREFIX = "/api/"
ENVELOPED = "v2"


def version_of(path: str) -> str | None:
    """Return what stands in a path where its version does; None where it is not below `PREFIX`."""
    return path[len(PREFIX) :].partition("/")[0] if path.startswith(PREFIX) else None


def name_in(version: str | None, operation: str) -> str:
    """Return the `operationId` of an operation in a version; each is named but once in all of them."""
    return f"{operation}_{version}" if version == ENVELOPED else operation
