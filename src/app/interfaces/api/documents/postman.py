"""The API as a Postman collection, format v2.1: folders by version and tag, a request for each operation.

Our own, and short: the converters to be had bring a hundred packages, and make up ids and values anew
at each run, so that nothing could tell whether a collection is stale.
"""

import json
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_METHODS = ("get", "post", "put", "patch", "delete")
_PARAMETER = re.compile(r"\{(\w+)\}")

_JSON = dict[str, Any]


def postman_of(document: _JSON, *, base_url: str) -> _JSON:
    """Return the collection; `baseUrl` and `token` are its variables, and every request uses them."""
    folders: dict[str, dict[str, list[_JSON]]] = {}
    for path, item in document["paths"].items():
        for method in (method for method in _METHODS if method in item):
            operation = item[method]
            folder = folders.setdefault(_version(path), {}).setdefault(operation["tags"][0], [])
            folder.append(_Operation(document, path, method, operation).item())
    return {
        "info": {
            "name": document["info"]["title"],
            "description": document["info"].get("description", ""),
            "version": document["info"]["version"],
            "schema": _SCHEMA,
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]},
        "variable": [
            {"key": "baseUrl", "value": base_url, "type": "string"},
            {"key": "token", "value": "", "type": "string"},
        ],
        "item": [
            {"name": version, "item": [{"name": tag, "item": items} for tag, items in tags.items()]}
            for version, tags in folders.items()
        ],
    }


class _Operation:
    def __init__(self, document: _JSON, path: str, method: str, operation: _JSON) -> None:
        self._document = document
        self._path = path
        self._method = method.upper()
        self._operation = operation
        self._parameters = [self._resolved(parameter) for parameter in operation.get("parameters", ())]

    def item(self) -> _JSON:
        request = self._request()
        responses = [
            answer
            for status, response in self._operation["responses"].items()
            # Errors have one body everywhere, so their examples would only be long.
            if status < "400"
            for answer in self._responses(int(status), self._resolved(response), request)
        ]
        return {"name": self._operation["summary"], "request": request, "response": responses}

    def _request(self) -> _JSON:
        request: _JSON = {
            "method": self._method,
            "header": self._values("header"),
            "url": self._url(),
            "description": self._operation.get("description", ""),
        }
        if not self._operation.get("security", self._document.get("security")):
            request["auth"] = {"type": "noauth"}
        for media_type, media in self._resolved(self._operation.get("requestBody", {})).get("content", {}).items():
            example = next(iter(self._examples(media)), None)
            request["header"].append({"key": "Content-Type", "value": media_type})
            request["body"] = {
                "mode": "raw",
                "raw": _text(example[1]) if example else "{}",
                "options": {"raw": {"language": "json"}},
            }
            break
        return request

    def _url(self) -> _JSON:
        path = _PARAMETER.sub(r":\1", self._path)
        url: _JSON = {
            "raw": "{{baseUrl}}" + path,
            "host": ["{{baseUrl}}"],
            # The last part is empty, as the path ends in a slash.
            "path": path.removeprefix("/").split("/"),
        }
        if query := self._values("query"):
            url["query"] = query
        if variables := self._values("path"):
            url["variable"] = [
                {key: value for key, value in one.items() if key != "disabled"} for one in variables
            ]
        return url

    def _values(self, place: str) -> list[_JSON]:
        return [
            {
                "key": name,
                "value": value if isinstance(value, str) else json.dumps(value),
                "description": parameter.get("description", ""),
                # Shown, and sent once it is ticked.
                "disabled": not parameter.get("required", False),
            }
            for parameter in self._parameters
            if parameter["in"] == place
            for name, value in self._written(parameter)
        ]

    def _written(self, parameter: _JSON) -> Iterable[tuple[str, Any]]:
        """Yield what is written into a URL or a header, with an example if there is one; an object is several."""
        name, schema = parameter["name"], self._resolved(parameter["schema"])
        example = next((value for _, value in self._examples(parameter)), schema.get("default", ""))
        if properties := schema.get("properties"):
            given = example or {}
            yield from ((f"{name}[{key}]", given.get(key, "")) for key in properties)
        elif isinstance(example, list):
            yield name, ",".join(map(str, example))
        else:
            yield name, example

    def _responses(self, status: int, response: _JSON, request: _JSON) -> list[_JSON]:
        return [
            {
                "name": name or response["description"],
                "originalRequest": request,
                "code": status,
                "status": HTTPStatus(status).phrase,
                "header": [{"key": "Content-Type", "value": media_type}],
                "body": _text(value),
            }
            for media_type, media in response.get("content", {}).items()
            for name, value in self._examples(media)
        ]

    def _examples(self, part: _JSON) -> list[tuple[str, Any]]:
        """Return what the document gives as examples of a content or a parameter, each with its name."""
        if "example" in part:
            return [("", part["example"])]
        if "examples" in part:
            return [(name, self._resolved(example)["value"]) for name, example in part["examples"].items()]
        return [("", example) for example in self._resolved(part.get("schema", {})).get("examples", ())[:1]]

    def _resolved(self, part: _JSON) -> _JSON:
        while "$ref" in part:
            found: Any = self._document
            for step in part["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            part = found
        return part


def _version(path: str) -> str:
    found = re.match(r"/api/(v\d+)/", path)
    return found[1] if found else "service"


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
