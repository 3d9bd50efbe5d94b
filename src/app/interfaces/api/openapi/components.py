"""What many operations share in the document: headers, parameters, bodies, security."""

from typing import Any

from pydantic.json_schema import models_json_schema

from src.app.config.settings import Settings
from src.app.interfaces.api.core.list_parameters import shared_parameters
from src.app.interfaces.api.openapi.schemas import EnvelopeMeta, ErrorBody, PageMeta, Problem

COMPONENTS = "#/components/"

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


def reference(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"{COMPONENTS}{kind}/{name}"}


def name_of(reference: dict[str, Any]) -> str:
    """Return the name of what is referred to; "" where it stands there itself."""
    return str(reference.get("$ref", "")).rpartition("/")[2]


def references(kind: str, *names: str) -> dict[str, Any]:
    return {name: reference(kind, name) for name in names}


def add_shared(components: dict[str, Any], settings: Settings) -> None:
    """Add what operations may refer to; what none does is left out at the end."""
    _, shared = models_json_schema(
        [(model, "serialization") for model in (ErrorBody, Problem, EnvelopeMeta, PageMeta)],
        ref_template=f"{COMPONENTS}schemas/{{model}}",
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
            "headers": references("headers", *always),
        }
    }
