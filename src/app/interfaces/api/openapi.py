"""The API document: FastAPI's, with the envelope of v2 around the bodies of v2."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from src.app.interfaces.api.core.schemas import EnvelopeMeta
from src.app.interfaces.version import VERSION

_REF = "#/components/schemas/"
_V2 = "/api/v2/"
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Sent again with the same key, the request is not carried out again, for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """Return the document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=VERSION, routes=app.routes, description=app.description, tags=app.openapi_tags
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schema = EnvelopeMeta.model_json_schema(ref_template=_REF + "{model}")
        schemas |= {**schema.pop("$defs"), "EnvelopeMeta": schema}
        for path, operations in document["paths"].items():
            if "post" in operations:
                operations["post"].setdefault("parameters", []).append(_IDEMPOTENCY_KEY)
            if path.startswith(_V2):
                for operation in operations.values():
                    _envelop(operation)
        app.openapi_schema = document
    return app.openapi_schema


def _envelop(operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        content = response.get("content", {}).get("application/json")
        if content is None or not status.startswith("2"):
            continue
        content["schema"] = {
            "type": "object",
            "required": ["status_code", "message", "data", "error", "meta"],
            "properties": {
                "status_code": {"type": "integer", "const": int(status)},
                "message": {"type": "string", "const": response["description"]},
                "data": content["schema"],
                "error": {"type": "null"},
                "meta": {"$ref": f"{_REF}EnvelopeMeta"},
            },
        }
