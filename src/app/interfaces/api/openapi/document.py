"""The API document: what FastAPI knows of each route, completed by what follows from the route's nature."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from src.app.config.settings import Settings
from src.app.interfaces.api.openapi.components import add_shared, reference
from src.app.interfaces.api.openapi.examples import example_of
from src.app.interfaces.api.openapi.links import link_members
from src.app.interfaces.api.openapi.operations import Nature, complete
from src.app.interfaces.api.versions import ENVELOPED, version_of
from src.app.interfaces.version import VERSION

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
    add_shared(components, settings)
    _walk(document, _untitled)
    for route in routes:
        for method in sorted(route.methods or ()):
            operation = document["paths"][route.path_format][method.lower()]
            nature = Nature.of(route, method)
            complete(route, nature, operation, components)
            link_members(route, nature, operation, routes)
            if version_of(route.path) == ENVELOPED:
                _envelop(operation, nature, components["schemas"])
    _share_parameters(document)
    _drop_unused(document)
    return document


def _envelop(operation: dict[str, Any], nature: Nature, schemas: dict[str, Any]) -> None:
    meta = reference("schemas", "PageMeta" if nature.is_a_page else "EnvelopeMeta")
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
        if not nature.tells_of_deprecations:
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
            # What a query takes is an operation's own: the next list has a filter too.
            own = f"{operation['operationId']}." if one["in"] == "query" else ""
            name = next((known for known, other in shared.items() if other == one), f"{own}{one['name']}")
            if shared.setdefault(name, one) != one:
                name = f"{operation['operationId']}.{one['name']}"
                shared[name] = one
            parameters[place] = reference("parameters", name)


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
            if json.dumps(reference(kind, name)) not in text
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
