"""What an operation takes and answers because of what its route is, whatever it is about.

    a caller (`CurrentActor`)        401, and the codes of tokens
    any input                        422
    a body                           400, 408, 413, 415
    a PATCH                          its body as a merge patch too (RFC 7396)
    a POST                           Idempotency-Key, its errors, Idempotency-Replayed
    `ExpectedVersion`                If-Match, 412
    one resource with a version      ETag; of a GET If-None-Match and 304
    a page                           items that may be sparse
    what is deprecated               Deprecation, Sunset, Link
    below /api/                      429, RateLimit
    every one                        X-Request-ID, X-API-Version, 500, 503 and what HTTP itself refuses

What its use case refuses with stands beside it, by `@raises`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_origin

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from src.app.application.common.deprecation import deprecated_fields
from src.app.application.common.page import Page
from src.app.application.common.raises import errors_of
from src.app.application.services.auth_service import AppAuthService
from src.app.interfaces.api.core.conditions import expected_version, has_version
from src.app.interfaces.api.core.dependencies import asks_who
from src.app.interfaces.api.core.json import MERGE_PATCH
from src.app.interfaces.api.core.limits import is_limited
from src.app.interfaces.api.core.responses import CODES
from src.app.interfaces.api.openapi import errors
from src.app.interfaces.api.openapi.components import name_of, reference, references
from src.app.interfaces.api.openapi.errors import Refusal
from src.app.interfaces.api.openapi.examples import example_of
from src.app.interfaces.api.versions import VERSIONS, version_of


@dataclass(frozen=True, slots=True)
class Nature:
    """What the document has to know of a route."""

    method: str
    knows_its_caller: bool
    has_a_body: bool
    expects_a_version: bool
    has_a_version: bool
    is_limited: bool
    is_a_page: bool
    version_is_deprecated: bool
    tells_of_deprecations: bool

    @classmethod
    def of(cls, route: APIRoute, method: str) -> "Nature":
        version_is_deprecated = VERSIONS.get(version_of(route.path) or "") is not None
        fields = deprecated_fields(route.response_model)
        if route.body_field is not None:
            fields |= deprecated_fields(route.body_field.field_info.annotation)
        return cls(
            method=method,
            knows_its_caller=asks_who(route.dependant),
            has_a_body=route.body_field is not None,
            expects_a_version=_asks_for(expected_version, route.dependant),
            has_a_version=has_version(route.response_model),
            is_limited=is_limited(route.path),
            is_a_page=get_origin(route.response_model) is Page,
            version_is_deprecated=version_is_deprecated,
            tells_of_deprecations=version_is_deprecated or bool(route.deprecated) or bool(fields),
        )


def complete(route: APIRoute, nature: Nature, operation: dict[str, Any], components: dict[str, Any]) -> None:
    """Add to an operation, as FastAPI wrote it, all that follows from the nature of its route."""
    operation.setdefault("security", [])
    if nature.version_is_deprecated:
        operation["deprecated"] = True
    operation["parameters"] = [*operation.get("parameters", ()), *_parameters(nature)]
    for parameter in operation["parameters"]:
        if parameter.get("in") == "path":
            parameter.setdefault("description", f"The `{parameter['name']}` of the resource.")
    if "requestBody" in operation:
        _complete_body(nature, operation["requestBody"], components)
    success = str(route.status_code or 200)
    answers = operation["responses"]
    kept = {status: answer for status, answer in answers.items() if status == success or _is_own(answer)}
    for status, answer in kept.items():
        _complete_answer(nature, answer, components, is_success=status == success)
    if nature.has_a_version and nature.method == "GET":
        kept["304"] = reference("responses", "NotModified")
    refusals = (*errors.refusals_in(route.responses), *_refusals(nature, operation))
    refused = errors.responses(refusals, _headers(nature), components)
    for status in kept.keys() & refused.keys():
        refused[status] = _either(kept[status], components["responses"][name_of(refused[status])])
    operation["responses"] = dict(sorted((kept | refused).items()))


def _refusals(nature: Nature, operation: dict[str, Any]) -> Iterator[Refusal]:
    yield from errors.ANYWHERE
    if operation["security"]:
        yield from errors.WITH_A_CALLER
    if nature.knows_its_caller:
        yield from map(Refusal.of, errors_of(AppAuthService.authenticate))
    if nature.has_a_body:
        yield from errors.WITH_A_BODY
    if nature.has_a_body or any(_can_be_wrong(parameter) for parameter in operation["parameters"]):
        yield from errors.WITH_INPUT
    if nature.method == "POST":
        yield from errors.WITH_A_KEY
    if nature.expects_a_version:
        yield from errors.WITH_A_VERSION
    if nature.is_limited:
        yield from errors.WITH_A_LIMIT


def _parameters(nature: Nature) -> Iterator[dict[str, str]]:
    yield reference("parameters", "X-Request-ID")
    if nature.method == "POST":
        yield reference("parameters", "Idempotency-Key")
    if nature.expects_a_version:
        yield reference("parameters", "If-Match")
    if nature.has_a_version and nature.method == "GET":
        yield reference("parameters", "If-None-Match")


def _can_be_wrong(parameter: dict[str, Any]) -> bool:
    return parameter.get("in") in {"path", "query"}


def _headers(nature: Nature) -> dict[str, Any]:
    limit = ("RateLimit", "RateLimit-Policy") if nature.is_limited else ()
    return references("headers", "X-Request-ID", "X-API-Version", *limit)


def _complete_body(nature: Nature, body: dict[str, Any], components: dict[str, Any]) -> None:
    for content in body["content"].values():
        content.setdefault("example", example_of(content["schema"], components["schemas"], whole=False))
    if nature.method == "PATCH":
        body["content"][MERGE_PATCH] = body["content"]["application/json"]


def _complete_answer(
    nature: Nature, answer: dict[str, Any], components: dict[str, Any], *, is_success: bool
) -> None:
    headers = answer.setdefault("headers", {})
    headers |= _headers(nature)
    if is_success and nature.has_a_version:
        headers |= references("headers", "ETag", "Cache-Control", "Vary")
    if is_success and nature.tells_of_deprecations:
        headers |= references("headers", "Deprecation", "Sunset", "Link")
    if is_success and nature.method == "POST":
        headers |= references("headers", "Idempotency-Replayed")
    for media_type, content in answer.get("content", {}).items():
        if is_success and nature.is_a_page:
            content["schema"] = _page_of(content["schema"], components["schemas"])
        if media_type == "application/json" and not content.keys() & {"example", "examples"}:
            content["example"] = example_of(content["schema"], components["schemas"])


def _page_of(written: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a page as it is sent: what has no value is left out, and so are fields unasked for."""
    item = name_of(schemas[name_of(written)]["properties"]["items"]["items"])
    name = f"{item}Page"
    sparse = {key: value for key, value in schemas[item].items() if key != "required"}
    sparse |= {
        "title": f"Sparse{item}",
        "description": "All of it, or what `fields` names; less what the caller may not see.",
        "additionalProperties": False,
    }
    schemas[f"Sparse{item}"] = sparse
    count = {"type": "integer", "minimum": 0}
    schemas[name] = {
        "title": name,
        "type": "object",
        "description": "A part of a list; by cursor it has no `offset` and no `total`, nor a `total` uncounted.",
        "required": ["items", "limit", "has_more", "next_cursor"],
        "additionalProperties": False,
        "properties": {
            "items": {"type": "array", "items": reference("schemas", f"Sparse{item}")},
            "total": {**count, "description": "How many there are in all.", "examples": [150]},
            "limit": {**count, "description": "How many items a page has at most.", "examples": [10]},
            "offset": {**count, "description": "How many items come before.", "examples": [0]},
            "has_more": {"type": "boolean", "description": "Whether items follow."},
            "next_cursor": {
                "type": ["string", "null"],
                "description": "Where the next page begins.",
                "examples": ["bmV4dCBwYWdl"],
            },
        },
    }
    return reference("schemas", name)


def _either(own: dict[str, Any], refused: dict[str, Any]) -> dict[str, Any]:
    """Return an answer that is the operation's own or an error: a readiness probe has both with one status."""
    mine, theirs = own["content"]["application/json"], refused["content"]["application/json"]
    examples = {"own": {"summary": own["description"], "value": mine["example"]}, **theirs["examples"]}
    both = {"schema": {"anyOf": [mine["schema"], theirs["schema"]]}, "examples": examples}
    return {
        **refused,
        **own,
        "headers": refused["headers"],
        "content": {**refused["content"], "application/json": both},
    }


def _is_own(answer: dict[str, Any]) -> bool:
    # Not the place-holder of `responses_of`, nor the 422 that FastAPI adds by itself.
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return CODES not in answer and not schema.get("$ref", "").endswith("/HTTPValidationError")


def _asks_for(dependency: Any, dependant: Dependant) -> bool:
    return dependant.call is dependency or any(_asks_for(dependency, one) for one in dependant.dependencies)
