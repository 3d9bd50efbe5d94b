from collections.abc import Mapping
from typing import Any


def link(
    operation: str, *, parameters: Mapping[str, str] | None = None, body: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Say where an answer leads: to which operation, and what of the answer it is given (OpenAPI, Link Object).

    Written for v1; the document adapts it to the others.
    """
    return {
        "operationId": operation,
        **({"parameters": dict(parameters)} if parameters else {}),
        **({"requestBody": dict(body)} if body else {}),
    }


def leads_to(*links: Mapping[str, Any], status: int = 200) -> dict[str, Any]:
    """Return what a route hands to FastAPI as `openapi_extra`; from a list to its members it leads by itself."""
    return {"responses": {str(status): {"links": {one["operationId"]: one for one in links}}}}
