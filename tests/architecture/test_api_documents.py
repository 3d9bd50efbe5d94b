"""The documents of the API in `docs/api`: they fit the code, and the formats that they claim."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from os.path import normpath
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from src.app.config.settings import ROOT
from src.local.node import packages
from tests.interfaces.api.test_documents import Read

FOLDER = ROOT / "docs" / "api"
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((FOLDER / "openapi.json").read_text())
    return read


@pytest.fixture(scope="module")
def collection() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((FOLDER / "postman_collection.json").read_text())
    return read


def requests(folder: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in folder["item"]:
        if "item" in item:
            yield from requests(item)
        else:
            yield item["request"]


class TestFiles:
    def test_they_fit_the_code_whatever_is_set_here(self) -> None:
        environment = {**os.environ, "PROJECT_NAME": "Other", "LAUNCH_MODE": "TEST", "PYTHONHASHSEED": "7"}
        command = [sys.executable, "-m", "src.app.interfaces.cli", "docs", "export", "--check"]

        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

        assert done.returncode == 0, done.stderr

    def test_both_forms_are_one_document(self, document: dict[str, Any]) -> None:
        assert yaml.safe_load((FOLDER / "openapi.yaml").read_text()) == document

    def test_nothing_of_development_stands_in_it(self, document: dict[str, Any]) -> None:
        assert not [path for path in document["paths"] if "/debug/" in path]

    def test_the_page_finds_what_it_loads(self) -> None:
        page = Read((FOLDER / "index.html").read_text())

        # As a browser resolves them, from the address `/docs/api/`.
        assert all(Path(normpath(f"{FOLDER}/{file}")).exists() for file in (*page.loaded, page.document))
        assert not page.inline


class TestTheCollection:
    def test_it_is_one(self) -> None:
        schema = str(packages() / "@har-sdk" / "validator" / "dist" / "schemas" / "postman" / "v2.1.0.json")
        file = str(FOLDER / "postman_collection.json")
        command = [sys.executable, "-m", "check_jsonschema", "--schemafile", schema, file]

        done = subprocess.run(command, capture_output=True, text=True, check=False)

        assert done.returncode == 0, done.stdout

    def test_every_operation_is_in_it(self, document: dict[str, Any], collection: dict[str, Any]) -> None:
        operations = [
            (method.upper(), path) for path, item in document["paths"].items() for method in METHODS & item.keys()
        ]
        told = [
            (request["method"], re.sub(r":(\w+)", r"{\1}", f"/{'/'.join(request['url']['path'])}"))
            for request in requests(collection)
        ]

        assert sorted(told) == sorted(operations)

    def test_all_use_the_same_address_and_token(self, collection: dict[str, Any]) -> None:
        assert [variable["key"] for variable in collection["variable"]] == ["baseUrl", "token"]
        assert collection["auth"]["bearer"][0]["value"] == "{{token}}"
        assert {request["url"]["host"][0] for request in requests(collection)} == {"{{baseUrl}}"}

    def test_who_is_nobody_yet_sends_no_token(self, collection: dict[str, Any]) -> None:
        open_ = {request["url"]["raw"] for request in requests(collection) if "auth" in request}

        assert "{{baseUrl}}/api/v1/auth/tokens/" in open_
        assert "{{baseUrl}}/api/v1/users/me/" not in open_
