"""An example of what a schema describes: what is declared as one, else the plainest that there is."""

from collections.abc import Mapping
from typing import Any

_REF = "#/components/schemas/"
_OF_FORMAT: Mapping[str, str] = {
    "date": "2026-03-01",
    "date-time": "2026-03-01T12:00:00Z",
    "email": "ada@example.com",
    "time": "12:00:00Z",
    "uri": "https://example.com/",
    "uuid": "019b2f6e-7c4d-7d0a-8a3f-0b5c6d7e8f90",
}


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any], *, whole: bool = True) -> Any:
    """Return an example; of an object that is not to be `whole`, only what it must have."""
    match schema:
        case {"$ref": str(reference)}:
            example = example_of(schemas[reference.removeprefix(_REF)], schemas, whole=whole)
        case {"examples": [first, *_]} | {"const": first} | {"enum": [first, *_]}:
            example = first
        case {"default": first} if first is not None:
            example = first
        case {"anyOf": options} | {"oneOf": options}:
            example = example_of(next(one for one in options if one.get("type") != "null"), schemas, whole=whole)
        case {"type": "object"}:
            properties = schema.get("properties", {})
            names = properties if whole else schema.get("required", ())
            example = {name: example_of(properties[name], schemas, whole=whole) for name in names}
        case {"type": "array"}:
            example = [example_of(schema.get("items", {}), schemas, whole=whole)]
        case _:
            example = _plain(schema)
    return example


def _plain(schema: Mapping[str, Any]) -> Any:
    match schema.get("type"):
        case "string":
            return _OF_FORMAT.get(schema.get("format", ""), "text")
        case "integer":
            return schema.get("minimum", 1)
        case "number":
            return schema.get("minimum", 1.5)
        case "boolean":
            return True
        case _:
            return None
