"""The API document: what FastAPI knows of each route, completed by what follows from the route's nature."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema

from src.app.config.settings import Settings
from src.app.interfaces.api.core.list_parameters import shared_parameters
from src.app.interfaces.api.core.schemas import EnvelopeMeta, ErrorBody, PageMeta, Problem
from src.app.interfaces.api.core.versions import ENVELOPED, version_of
from src.app.interfaces.api.openapi.examples import example_of
from src.app.interfaces.api.openapi.links import to_members
from src.app.interfaces.api.openapi.operations import Nature, complete
from src.app.interfaces.version import VERSION

_REF = "#/components/"

DESCRIPTION = """\
`/api/v1/` answers plain bodies; `/api/v2/` answers the same, from the same handlers, as the `data` of an envelope.

Every error has one body, whatever raised it; its `code` never changes, and `error.id` finds it in our log. With
`Accept: application/problem+json` it is answered as RFC 9457 writes it. A path that there is not is 404
`NOT_FOUND`, a version that there is not 404 `UNSUPPORTED_API_VERSION`, a method that a path does not take 405
`METHOD_NOT_ALLOWED` with `Allow`.

Times are RFC 3339 in UTC. Fields that a request may not have are refused.
"""

TAGS = {
    "auth": "Signing up and in, and the tokens that say who asks.",
    "debug": "For developers; not in production.",
    "health": "Whether the service is there, and can do its job.",
    "users": "People and their profiles.",
}

_SECURITY = {
    "RefreshToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The refresh token, in the place of an access token.",
    },
}

_HEADERS: dict[str, tuple[bool, dict[str, Any], str]] = {
    "Cache-Control": (True, {"type": "string", "examples": ["private, no-cache"]}, "Who may keep the answer."),
    "Deprecation": (
        False,
        {"type": "string", "pattern": "^@[0-9]+$", "examples": ["@1767225600"]},
        "Since when it is known that this, or a part of it, is to go (RFC 9745).",
    ),
    "ETag": (
        True,
        {
            "type": "string",
            "pattern": '^"[0-9a-f]{32}-[0-9]{1,18}"$',
            "examples": ['"019b2f6e7c4d7d0a8a3f0b5c6d7e8f90-3"'],
        },
        "This version of the resource (RFC 9110 section 8.8.3).",
    ),
    "Idempotency-Replayed": (
        False,
        {"type": "string", "enum": ["true"]},
        "The request was carried out before; this is the answer that it had.",
    ),
    "Link": (
        False,
        {"type": "string", "examples": ['<https://example.com/instead/>; rel="deprecation"; type="text/html"']},
        "A page on what to use instead (RFC 9745).",
    ),
    "RateLimit": (
        False,
        {"type": "string", "examples": ['"user";r=99;t=60']},
        "What is left of the limit, and the seconds until it is whole (draft-ietf-httpapi-ratelimit-headers).",
    ),
    "RateLimit-Policy": (False, {"type": "string", "examples": ['"user";q=100;w=60']}, "The limit itself."),
    "Retry-After": (
        False,
        {"type": "integer", "minimum": 1, "examples": [1]},
        "Seconds after which to try again.",
    ),
    "Sunset": (
        False,
        {"type": "string", "examples": ["Fri, 01 Jan 2027 00:00:00 GMT"]},
        "From when on it may be gone (RFC 8594).",
    ),
    "Vary": (True, {"type": "string", "examples": ["Authorization"]}, "What else the answer depends on."),
    "WWW-Authenticate": (True, {"type": "string", "examples": ["Bearer"]}, "How to say who asks (RFC 6750)."),
    "X-API-Version": (
        True,
        {"type": "string", "pattern": "^v[0-9]+$", "examples": ["v1"]},
        "The version that answered.",
    ),
    "X-Request-ID": (
        True,
        {
            "type": "string",
            "pattern": "^[A-Za-z0-9._-]{8,128}$",
            "examples": ["019b2f6e7c4d7d0a8a3f0b5c6d7e8f90"],
        },
        "The name of the request, in the log too.",
    ),
}

# An entity tag, weak ones too, and without the comma that stands between several (RFC 9110, section 8.8.3).
_TAG = r'(W/)?"[\x21\x23-\x2b\x2d-\x7e]*"'

_PARAMETERS: dict[str, tuple[dict[str, Any], str]] = {
    "Idempotency-Key": (
        {
            "type": "string",
            "pattern": r'^("[\x21\x23-\x7e]{1,255}"|[\x21\x23-\x7e]{1,255})$',
            "examples": ["7c4d7d0a-8a3f-4b5c"],
        },
        "Sent again with the same key, the request is not carried out again, for 24 hours.",
    ),
    "If-Match": (
        {
            "anyOf": [
                {"type": "string", "enum": ["*"]},
                {"type": "string", "pattern": f"^{_TAG}( *, *{_TAG})*$"},
            ],
            "examples": ['"019b2f6e7c4d7d0a8a3f0b5c6d7e8f90-3"'],
        },
        "The `ETag` of the version to change; if it is not the newest any more, nothing is changed.",
    ),
    "If-None-Match": (
        {"type": "string", "examples": ['"019b2f6e7c4d7d0a8a3f0b5c6d7e8f90-3"']},
        "The `ETag` of the version that is known already; the answer is 304 if it is still the newest.",
    ),
    "X-Request-ID": (
        {"type": "string", "examples": ["my-request-0001"]},
        "A name for the request, of 8 to 128 letters, digits, `.`, `_` and `-`; what is none is replaced by one.",
    ),
}


def openapi_of(app: FastAPI, settings: Settings) -> dict[str, Any]:
    """Return the document, made once."""
    if app.openapi_schema is None:
        app.openapi_schema = _document(app, settings)
    return app.openapi_schema


def _document(app: FastAPI, settings: Settings) -> dict[str, Any]:
    routes = [route for route in app.routes if isinstance(route, APIRoute) and route.include_in_schema]
    tags = {str(tag) for route in routes for tag in route.tags}
    document = get_openapi(
        title=app.title,
        version=VERSION,
        summary="One service behind REST, gRPC and messages.",
        description=DESCRIPTION,
        routes=routes,
        tags=[{"name": tag, "description": TAGS.get(tag, tag.capitalize())} for tag in sorted(tags)],
        servers=[{"url": "/", "description": "This service."}],
        contact={"name": f"{app.title} team"},
        license_info={"name": "Unspecified"},
    )
    components = document.setdefault("components", {})
    _add_shared(components, settings)
    _walk(document, _untitled)
    for route in routes:
        for method in sorted(route.methods or ()):
            operation = document["paths"][route.path_format][method.lower()]
            nature = Nature.of(route, method)
            complete(route, nature, operation, components)
            to_members(route, method, operation, routes)
            if version_of(route.path) == ENVELOPED:
                _envelop(operation, nature, components["schemas"])
    _share_parameters(document)
    _drop_unused(document)
    return document


def _add_shared(components: dict[str, Any], settings: Settings) -> None:
    _, shared = models_json_schema(
        [(model, "serialization") for model in (ErrorBody, Problem, EnvelopeMeta, PageMeta)],
        ref_template=f"{_REF}schemas/{{model}}",
    )
    components["schemas"] = {**components.get("schemas", {}), **shared["$defs"]}
    components["securitySchemes"] = {**components.get("securitySchemes", {}), **_SECURITY}
    components["headers"] = {
        name: {"description": description, "required": is_required, "schema": schema}
        for name, (is_required, schema, description) in _HEADERS.items()
    }
    components["parameters"] = {
        name: {"name": name, "in": "header", "required": False, "schema": schema, "description": description}
        for name, (schema, description) in _PARAMETERS.items()
    } | {one["name"]: one for one in shared_parameters(settings.DEFAULT_PAGE_SIZE, settings.MAX_PAGE_SIZE)}
    components["examples"] = {}
    always = ("X-Request-ID", "X-API-Version", "RateLimit", "RateLimit-Policy", "ETag", "Cache-Control", "Vary")
    components["responses"] = {
        "NotModified": {
            "description": "The version that the client knows is still the newest.",
            "headers": {name: {"$ref": f"{_REF}headers/{name}"} for name in always},
        }
    }


def _envelop(operation: dict[str, Any], nature: Nature, schemas: dict[str, Any]) -> None:
    meta = {"$ref": f"{_REF}schemas/{'PageMeta' if nature.is_a_page else 'EnvelopeMeta'}"}
    for status, response in operation["responses"].items():
        content = response.get("content", {}).get("application/json")
        if content is None or not status.startswith("2"):
            continue
        data, example = content["schema"], content.pop("example")
        content["schema"] = {
            "type": "object",
            "required": ["status_code", "message", "data", "error", "meta"],
            "additionalProperties": False,
            "properties": {
                "status_code": {"type": "integer", "const": int(status)},
                "message": {"type": "string", "const": response["description"]},
                "data": data,
                "error": {"type": "null"},
                "meta": meta,
            },
        }
        shown = {**example_of(content["schema"], schemas), "data": example}
        if not nature.tells_what_is_to_go:
            del shown["meta"]["deprecation"]
        content["example"] = shown


def _share_parameters(document: dict[str, Any]) -> None:
    """Write once what several operations take, so that two versions are no twice as long as one."""
    operations = list(_operations(document))
    shared = document["components"]["parameters"]
    times = Counter(_text(one) for operation in operations for one in operation["parameters"])
    for operation in operations:
        parameters = operation["parameters"]
        for place, one in enumerate(parameters):
            if "$ref" in one or times[_text(one)] == 1:
                continue
            name = (
                one["name"]
                if shared.setdefault(one["name"], one) == one
                else f"{operation['operationId']}.{one['name']}"
            )
            name = next((known for known, other in shared.items() if other == one), name)
            shared[name] = one
            parameters[place] = {"$ref": f"{_REF}parameters/{name}"}


def _drop_unused(document: dict[str, Any]) -> None:
    """Leave out what nothing refers to: FastAPI's own errors, and what was replaced above."""
    components = document["components"]
    while True:
        text = json.dumps(document)
        unused = [
            (kind, name)
            for kind, members in components.items()
            if kind != "securitySchemes"
            for name in members
            if f'"{_REF}{kind}/{name}"' not in text
        ]
        if not unused:
            return
        for kind, name in unused:
            del components[kind][name]


def _untitled(part: dict[str, Any]) -> None:
    """Take away the titles of fields, parameters and answers, which only say their names again."""
    for schema in (part.get("schema"), *part.get("properties", {}).values()):
        if isinstance(schema, dict) and isinstance(schema.get("title"), str):
            del schema["title"]


def _walk(part: Any, visit: Callable[[dict[str, Any]], object]) -> None:
    if isinstance(part, dict):
        visit(part)
        for value in part.values():
            _walk(value, visit)
    elif isinstance(part, list):
        for value in part:
            _walk(value, visit)


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def _text(part: Any) -> str:
    return json.dumps(part, sort_keys=True)
