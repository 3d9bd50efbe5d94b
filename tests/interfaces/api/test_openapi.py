"""The API document tells the whole truth: every operation, all it takes, all it answers, with examples."""

import ast
import json
import re
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, NoReturn
from uuid import UUID

import jsonschema_rs
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, APIRouter
from pydantic import Field, TypeAdapter

from src.app.application.common.deprecation import Deprecation, deprecated
from src.app.application.common.dto import Command, Line
from src.app.application.common.lists import EXACT, FilterSet
from src.app.application.common.lists import Field as Listed
from src.app.application.common.page import Page
from src.app.application.common.raises import raises
from src.app.config.settings import ROOT, SettingsTest
from src.app.domain.common.exceptions import ConflictError, NotFoundError
from src.app.infrastructure.bootstrap import Process
from src.app.interfaces.api.app import make_app
from src.app.interfaces.api.core.conditions import ExpectedVersion
from src.app.interfaces.api.core.dependencies import CurrentActor
from src.app.interfaces.api.core.list_parameters import parameters_of
from src.app.interfaces.api.core.lists import Wanted
from src.app.interfaces.api.core.responses import responses_of
from src.app.interfaces.api.openapi import errors
from src.app.interfaces.api.routers import routes_below
from src.app.interfaces.api.versions import VERSIONS

# Prometheus asks for it, and no client of ours.
OUTSIDE = {"/metrics"}
# Told in words, since no operation answers it.
OF_NO_OPERATION = {(400, "CORS_REFUSED"), (404, "UNSUPPORTED_API_VERSION")}


def not_started() -> AbstractAsyncContextManager[Process]:
    raise AssertionError("the document needs no process")


def an_app(settings: SettingsTest) -> FastAPI:
    return make_app(settings, not_started)


@pytest.fixture(scope="module")
def app(settings: SettingsTest) -> FastAPI:
    return an_app(settings)


@pytest.fixture(scope="module")
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def resolved(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """Return what a part refers to, where it is a reference."""
    if "$ref" not in part:
        return part
    found: Any = document
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return dict(found)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, members in document["paths"].items():
        for method, operation in members.items():
            yield path, method, operation


def bodies(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every body, of requests and answers, with a name."""
    for path, method, operation in operations(document):
        for media_type, content in operation.get("requestBody", {"content": {}})["content"].items():
            yield f"{method} {path} {media_type}", content
        for status, answer in operation["responses"].items():
            for media_type, content in resolved(document, answer).get("content", {}).items():
                yield f"{method} {path} {status} {media_type}", content


def is_valid(document: dict[str, Any], schema: dict[str, Any], value: Any) -> bool:
    whole = {**schema, "components": document["components"]}
    return jsonschema_rs.validator_for(whole, validate_formats=True).is_valid(value)


def statuses(operation: dict[str, Any]) -> set[str]:
    return set(operation["responses"])


def codes(document: dict[str, Any], operation: dict[str, Any], status: int) -> set[str]:
    return set(resolved(document, operation["responses"][str(status)])["content"]["application/json"]["examples"])


def headers(document: dict[str, Any], operation: dict[str, Any], status: int) -> set[str]:
    return set(resolved(document, operation["responses"][str(status)])["headers"])


def parameters(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = [resolved(document, one) for one in operation["parameters"]]
    return {one["name"]: one for one in found}


class TestWhatIsInIt:
    def test_every_route(self, app: FastAPI, document: dict[str, Any]) -> None:
        routes = {
            (route.path, method.lower())
            for route in app.routes
            if isinstance(route, APIRoute)
            for method in route.methods or ()
        }

        written = {(path, method) for path, method, _ in operations(document)}

        assert {(path, method) for path, method in routes if path not in OUTSIDE} == written

    def test_an_operation_is_named_and_told(self, document: dict[str, Any]) -> None:
        tags = {tag["name"]: tag["description"] for tag in document["tags"]}
        for path, method, operation in operations(document):
            assert operation["summary"], (path, method)
            assert operation.get("description"), (path, method)
            assert operation["tags"], (path, method)
            assert all(tags[tag] for tag in operation["tags"])
            assert isinstance(operation["security"], list), (path, method)
            assert all(one.get("description") for one in parameters(document, operation).values()), (path, method)

    def test_names_are_stable(self, document: dict[str, Any]) -> None:
        names = {path: operation["operationId"] for path, _, operation in operations(document)}

        assert names["/api/v1/auth/sign-up/"] == "sign_up"
        assert names["/api/v2/auth/sign-up/"] == "sign_up_v2"
        assert len({one["operationId"] for *_, one in operations(document)}) == len(list(operations(document)))

    def test_it_says_what_and_whose_it_is(self, document: dict[str, Any]) -> None:
        assert document["openapi"].startswith("3.1")
        assert document["info"].keys() >= {"title", "version", "description", "contact", "license"}
        assert document["servers"]

    def test_every_reference_leads_somewhere(self, document: dict[str, Any]) -> None:
        for reference in set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(document))):
            assert resolved(document, {"$ref": reference}), reference

    def test_frameworks_own_errors_are_not_in_it(self, document: dict[str, Any]) -> None:
        text = json.dumps(document)

        assert "HTTPValidationError" not in text
        assert "x-errors" not in text

    def test_links_lead_to_operations(self, document: dict[str, Any]) -> None:
        names = {operation["operationId"] for *_, operation in operations(document)}
        links = [
            link
            for *_, operation in operations(document)
            for answer in operation["responses"].values()
            for link in answer.get("links", {}).values()
        ]

        assert {link["operationId"] for link in links} <= names
        assert {"sign_in", "refresh", "get_user", "get_user_v2"} <= {link["operationId"] for link in links}


class TestExamples:
    def test_every_body_has_one_that_fits_its_schema(self, document: dict[str, Any]) -> None:
        for name, content in bodies(document):
            if "application/problem+json" in name:
                continue
            shown = [content["example"]] if "example" in content else []
            shown += [resolved(document, one)["value"] for one in content.get("examples", {}).values()]

            assert shown, name
            for example in shown:
                assert is_valid(document, content["schema"], example), (name, example)

    def test_examples_of_fields_fit_too(self, document: dict[str, Any]) -> None:
        for name, schema in document["components"]["schemas"].items():
            for example in schema.get("examples", ()):
                assert is_valid(document, schema, example), (name, example)
            for field, one in schema.get("properties", {}).items():
                for example in one.get("examples", ()):
                    assert is_valid(document, one, example), (name, field)

    def test_examples_of_parameters_and_headers_fit(self, document: dict[str, Any]) -> None:
        members = document["components"]
        for name, one in {**members["parameters"], **members["headers"]}.items():
            shown = [*one["schema"].get("examples", ()), *([one["example"]] if "example" in one else ())]
            for example in shown:
                assert is_valid(document, one["schema"], example), (name, example)

    def test_a_request_like_the_example_is_taken(self, app: FastAPI, document: dict[str, Any]) -> None:
        for route in (route for route in app.routes if isinstance(route, APIRoute)):
            for method in (route.methods or ()) if route.body_field else ():
                operation = document["paths"][route.path][method.lower()]
                for content in operation["requestBody"]["content"].values():
                    kind: Any = route.body_field.field_info.annotation if route.body_field else None
                    assert TypeAdapter(kind).validate_python(content["example"]), route.path

    def test_an_answer_shows_all_of_its_fields(self, document: dict[str, Any]) -> None:
        shown = document["paths"]["/api/v1/users/me/"]["get"]["responses"]["200"]["content"]["application/json"]

        assert shown["example"].keys() == document["components"]["schemas"]["UserDTO"]["properties"].keys()


class TestErrors:
    def test_every_code_of_the_edge_is_in_the_document(self, document: dict[str, Any]) -> None:
        raised: set[tuple[int, str]] = set()
        for file in (ROOT / "src/app/interfaces/api").rglob("*.py"):
            for call in ast.walk(ast.parse(file.read_text())):
                match call:
                    case ast.Call(
                        func=ast.Name(id="RequestError"), args=[ast.Constant(status), ast.Constant(code), *_]
                    ):
                        raised.add((int(str(status)), str(code)))

        told = {
            (example["value"]["status_code"], code) for code, example in document["components"]["examples"].items()
        }

        assert raised - told == OF_NO_OPERATION

    def test_every_error_is_one_body_in_two_forms(self, document: dict[str, Any]) -> None:
        for path, method, operation in operations(document):
            for status, answer in operation["responses"].items():
                if status < "400":
                    continue
                content = resolved(document, answer)["content"]
                assert "ErrorBody" in json.dumps(content["application/json"]["schema"]), (path, method, status)
                assert content["application/problem+json"]["schema"]["$ref"].endswith("/Problem")

    def test_who_must_say_who_they_are_is_told_how(self, document: dict[str, Any]) -> None:
        for path, method, operation in operations(document):
            if operation["security"]:
                assert codes(document, operation, 401) >= {"UNAUTHENTICATED", "TOKEN_EXPIRED"}, (path, method)
                assert "WWW-Authenticate" in headers(document, operation, 401)

    def test_what_a_use_case_refuses_with_is_told(self, document: dict[str, Any]) -> None:
        sign_in = document["paths"]["/api/v2/auth/tokens/"]["post"]

        assert codes(document, sign_in, 401) == {"INVALID_CREDENTIALS", "USER_INACTIVE"}

    def test_an_answer_may_be_an_error_or_the_operations_own(self, document: dict[str, Any]) -> None:
        ready = document["paths"]["/health/ready/"]["get"]["responses"]["503"]["content"]["application/json"]

        assert [one["$ref"].rpartition("/")[2] for one in ready["schema"]["anyOf"]] == ["Readiness", "ErrorBody"]


class TestCommands:
    def test_unknown_fields_are_refused(self, document: dict[str, Any]) -> None:
        for name in ("Profile", "RefreshToken", "SignIn", "SignUp"):
            assert document["components"]["schemas"][name]["additionalProperties"] is False

    @pytest.mark.parametrize(
        ("body", "fits"),
        [
            ({"email": "ada@example.com", "password": "a good long phrase"}, True),
            ({"phone": "+442079460958", "email": None, "password": "a good long phrase"}, True),
            ({"email": "ada@example.com", "phone": "+442079460958", "password": "a good long phrase"}, False),
            ({"password": "a good long phrase"}, False),
            ({"email": None, "password": "a good long phrase"}, False),
        ],
    )
    def test_one_of_both_is_said(self, document: dict[str, Any], body: dict[str, Any], fits: bool) -> None:
        assert is_valid(document, {"$ref": "#/components/schemas/SignIn"}, body) is fits

    @pytest.mark.parametrize(
        ("profile", "fits"),
        [
            ({"full_name": "Ada Lovelace"}, True),
            ({"full_name": None, "first_name": "Ada"}, True),
            ({"full_name": "Ada Lovelace", "first_name": "Ada"}, False),
            ({"full_name": "Zoë Müller-O’Neill"}, True),
            ({"full_name": " Ada "}, True),
            ({"full_name": "Ada7"}, False),
            ({"full_name": "a" * 51}, False),
            ({"city": "a\x00b"}, False),
            ({"city": "a" * 256}, False),
        ],
    )
    def test_bounds_of_names_and_lines(
        self, document: dict[str, Any], profile: dict[str, Any], fits: bool
    ) -> None:
        assert is_valid(document, {"$ref": "#/components/schemas/Profile"}, profile) is fits

    def test_a_patch_is_a_merge_patch_too(self, document: dict[str, Any]) -> None:
        content = document["paths"]["/api/v1/users/me/"]["patch"]["requestBody"]["content"]

        assert set(content) == {"application/json", "application/merge-patch+json"}


class TestEnvelope:
    def test_data_is_what_the_first_version_answers(self, document: dict[str, Any]) -> None:
        for path, method, operation in operations(document):
            if not path.startswith("/api/v2/"):
                continue
            first = document["paths"][path.replace("/v2/", "/v1/")][method]
            [status] = [status for status in statuses(operation) if status < "300"]
            plain = first["responses"][status]["content"]["application/json"]["schema"]
            envelope = operation["responses"][status]["content"]["application/json"]["schema"]
            assert envelope["properties"]["data"] == plain
            assert statuses(operation) == statuses(first)

    def test_pages_say_where_they_stand(self, document: dict[str, Any]) -> None:
        content = document["paths"]["/api/v2/users/"]["get"]["responses"]["200"]["content"]["application/json"]

        assert content["example"]["meta"].keys() >= {"pagination", "links"}


@dataclass(slots=True, kw_only=True)
class BoatDTO:
    uuid: UUID
    name: Annotated[str, Field(examples=["Beagle"])]
    version: int


class Boat(Command):
    name: Line


BOATS = FilterSet(BoatDTO, {"uuid": Listed(lookups=EXACT), "name": Listed(is_sortable=True)}, sort=("name",))


class Boats:
    @raises(NotFoundError)
    async def get_boat(self) -> NoReturn:
        raise NotFoundError

    @raises(ConflictError)
    async def change_boat(self) -> NoReturn:
        raise ConflictError


def boats() -> APIRouter:
    """Declare a resource as anybody would, and say nothing of what this test expects."""
    router = APIRouter(prefix="/boats", tags=["boats"])

    @router.get("/", responses=responses_of(), openapi_extra=parameters_of(BOATS))
    async def list_boats(actor: CurrentActor, wanted: Wanted) -> Page[BoatDTO]:
        raise NotFoundError

    @router.post("/", status_code=201)
    async def add_boat(body: Boat, actor: CurrentActor) -> BoatDTO:
        raise NotFoundError

    @router.get("/{uuid}/", responses=responses_of(Boats.get_boat))
    async def get_boat(uuid: UUID) -> BoatDTO:
        raise NotFoundError

    @router.patch(
        "/{uuid}/",
        responses=responses_of(Boats.change_boat),
    )
    @deprecated(Deprecation(since=date(2026, 1, 1)))
    async def change_boat(uuid: UUID, body: Boat, actor: CurrentActor, version: ExpectedVersion) -> BoatDTO:
        raise NotFoundError

    @router.delete("/{uuid}/", status_code=204)
    async def remove_boat(uuid: UUID, actor: CurrentActor, version: ExpectedVersion) -> None:
        raise NotFoundError

    return router


@pytest.fixture(scope="module")
def with_boats(settings: SettingsTest) -> dict[str, Any]:
    app = an_app(settings)
    for version in VERSIONS:
        app.router.routes.extend(routes_below(f"/api/{version}", boats()))
    return app.openapi()


class TestANewResource:
    """All of it follows from how the routes are declared."""

    def test_a_list(self, with_boats: dict[str, Any]) -> None:
        operation = with_boats["paths"]["/api/v1/boats/"]["get"]
        taken = parameters(with_boats, operation)

        assert taken.keys() == {
            *("limit", "offset", "page", "per_page", "cursor", "count", "sort", "fields", "filter"),
            "X-Request-ID",
        }
        assert taken["filter"]["schema"]["properties"].keys() >= {"uuid", "uuid__in"}
        assert statuses(operation) >= {"200", "401", "422", "429", "500", "503"}
        assert headers(with_boats, operation, 200) >= {"RateLimit", "X-Request-ID", "X-API-Version"}
        page = with_boats["components"]["schemas"]["BoatDTOPage"]
        assert set(page["properties"]) - set(page["required"]) == {"total", "offset"}
        assert "required" not in with_boats["components"]["schemas"]["SparseBoatDTO"]
        links = operation["responses"]["200"]["links"]
        assert {"get_boat", "next_page"} <= links.keys()
        assert links["next_page"]["parameters"] == {"cursor": "$response.body#/next_cursor"}

    def test_a_post(self, with_boats: dict[str, Any]) -> None:
        operation = with_boats["paths"]["/api/v2/boats/"]["post"]

        assert "Idempotency-Key" in parameters(with_boats, operation)
        assert codes(with_boats, operation, 409) == {"REQUEST_IN_PROGRESS", "REQUEST_ALREADY_DONE"}
        assert codes(with_boats, operation, 422) == {"VALIDATION_ERROR", "IDEMPOTENCY_KEY_REUSED"}
        assert codes(with_boats, operation, 400) >= {"INVALID_JSON"}
        assert statuses(operation) >= {"201", "408", "413"}
        assert headers(with_boats, operation, 201) >= {"ETag", "Idempotency-Replayed"}
        link = operation["responses"]["201"]["links"]["get_boat"]
        assert link == {"operationId": "get_boat_v2", "parameters": {"uuid": "$response.body#/data/uuid"}}

    def test_a_get(self, with_boats: dict[str, Any]) -> None:
        operation = with_boats["paths"]["/api/v1/boats/{uuid}/"]["get"]

        assert operation["security"] == []
        assert "401" not in operation["responses"]
        assert "If-None-Match" in parameters(with_boats, operation)
        assert codes(with_boats, operation, 404) == {"NOT_FOUND"}
        assert headers(with_boats, operation, 304) >= {"ETag", "Vary", "Cache-Control"}
        example = operation["responses"]["200"]["content"]["application/json"]["example"]
        assert example["name"] == "Beagle"

    def test_a_change(self, with_boats: dict[str, Any]) -> None:
        operation = with_boats["paths"]["/api/v1/boats/{uuid}/"]["patch"]

        assert operation["deprecated"] is True
        assert headers(with_boats, operation, 200) >= {"Deprecation", "Sunset", "Link"}
        assert "If-Match" in parameters(with_boats, operation)
        assert codes(with_boats, operation, 412) == {"PRECONDITION_FAILED"}
        assert codes(with_boats, operation, 409) == {"CONFLICT"}
        assert "application/merge-patch+json" in operation["requestBody"]["content"]

    def test_a_removal(self, with_boats: dict[str, Any]) -> None:
        operation = with_boats["paths"]["/api/v2/boats/{uuid}/"]["delete"]

        assert "content" not in operation["responses"]["204"]
        assert statuses(operation) >= {"204", "401", "412", "422"}
        assert headers(with_boats, operation, 204) >= {"X-Request-ID"}

    def test_its_examples_fit(self, with_boats: dict[str, Any]) -> None:
        TestExamples().test_every_body_has_one_that_fits_its_schema(with_boats)

    def test_every_refusal_of_the_table_has_its_place(self, with_boats: dict[str, Any]) -> None:
        table = (
            *errors.ANYWHERE,
            *errors.WITH_A_BODY,
            *errors.WITH_A_CALLER,
            *errors.WITH_A_KEY,
            *errors.WITH_A_LIMIT,
            *errors.WITH_A_VERSION,
            *errors.WITH_INPUT,
        )

        assert {refusal.code for refusal in table} <= set(with_boats["components"]["examples"])
