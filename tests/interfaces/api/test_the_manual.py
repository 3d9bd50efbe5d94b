"""The endpoint that `docs/source/http.md` makes from nothing has all that the page says of it."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import APIRouter, Depends

from src.app.application.common.actor import Actor
from src.app.application.common.dto import Command, FilledLine
from src.app.application.common.raises import raises
from src.app.application.dto.fields import example
from src.app.config.settings import ROOT
from src.app.domain.common.exceptions import LimitExceededError, NotFoundError
from src.app.infrastructure.bootstrap import Process
from src.app.interfaces.api import routers
from src.app.interfaces.api.core.dependencies import CurrentActor
from src.app.interfaces.api.core.responses import responses_of
from src.app.interfaces.api.v1.endpoints.auth import resources as auth
from tests.builders.users import PASSWORD, an_email
from tests.interfaces.api.conftest import Served, asking

PAGE = (ROOT / "docs" / "source" / "http.md").read_text()


def made_by_the_page() -> APIRouter:
    """Run the page's code; what it takes for granted are names that a module would import."""
    service, door = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[:2]
    names: dict[str, Any] = {
        thing.__name__: thing
        for thing in (
            *(APIRouter, Actor, Command, Depends, LimitExceededError, NotFoundError, UUID),
            *(dataclass, example, raises, responses_of, uuid4),
        )
    } | {"Annotated": Annotated, "CurrentActor": CurrentActor, "FilledLine": FilledLine, "__name__": __name__}
    exec(service, names)
    notes = names["AppNotesService"]()

    async def notes_service() -> Any:
        return notes

    names["notes_service"] = notes_service
    exec(door, names)
    router: APIRouter = names["router"]
    return router


@pytest.fixture
async def ada(process: Process, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client signed in to a service that has the page's resource too."""
    monkeypatch.setattr(routers, "RESOURCES", (auth.router, made_by_the_page()))
    async with asking(Served(process)) as client:
        sign_up = {"email": an_email(), "password": PASSWORD, "issue_tokens": True}
        answer = await client.post("/api/v1/auth/sign-up/", json=sign_up)
        client.headers["Authorization"] = f"Bearer {answer.json()['access']}"
        yield client


async def test_it_answers_on_both_versions_and_to_its_owner(ada: httpx2.AsyncClient) -> None:
    written = await ada.post("/api/v1/notes/", json={"text": "Buy milk"})
    path = f"notes/{written.json()['uuid']}/"
    plain, enveloped = await ada.get(f"/api/v1/{path}"), await ada.get(f"/api/v2/{path}")
    nobody = await ada.get(f"/api/v1/{path}", headers={"Authorization": ""})
    somebody = {"email": an_email(), "password": PASSWORD, "issue_tokens": True}
    other = (await ada.post("/api/v1/auth/sign-up/", json=somebody)).json()["access"]
    stranger = await ada.get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {other}"})

    assert (written.status_code, plain.json()) == (201, written.json())
    assert (enveloped.json()["data"], enveloped.json()["message"]) == (plain.json(), "Note retrieved")
    assert (nobody.status_code, stranger.status_code) == (401, 404)


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"json": {"text": " "}}, 422, "VALIDATION_ERROR"),
        ({"json": {"text": "a", "more": 1}}, 422, "VALIDATION_ERROR"),
        ({"json": {"text": "x" * 256}}, 422, "VALIDATION_ERROR"),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400, "INVALID_JSON"),
        ({"content": b"text=a", "headers": {"Content-Type": "text/plain"}}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ({"json": {"text": "x" * 2_000_000}}, 413, "PAYLOAD_TOO_LARGE"),
    ],
)
async def test_it_refuses_what_it_does_not_take(
    ada: httpx2.AsyncClient, sent: dict[str, Any], status: int, code: str
) -> None:
    answer = await ada.post("/api/v2/notes/", **sent)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_it_is_carried_out_once_and_known_by_its_version(ada: httpx2.AsyncClient) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    first, again = [await ada.post("/api/v1/notes/", json={"text": "Buy milk"}, headers=key) for _ in range(2)]
    path = f"/api/v1/notes/{first.json()['uuid']}/"
    known = await ada.get(path, headers={"If-None-Match": first.headers["etag"]})

    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    assert (known.status_code, known.content) == (304, b"")


async def test_it_stands_in_the_document_with_every_code(ada: httpx2.AsyncClient) -> None:
    document = (await ada.get("/openapi.json")).json()
    paths = document["paths"]

    def codes(operation: dict[str, Any]) -> set[str]:
        found = set()
        for answer in operation["responses"].values():
            named = document["components"]["responses"].get(answer.get("$ref", "").rpartition("/")[2], answer)
            found |= set(named.get("content", {}).get("application/json", {}).get("examples", {}))
        return found

    for version, suffix in (("v1", ""), ("v2", "_v2")):
        write = paths[f"/api/{version}/notes/"]["post"]
        read = paths[f"/api/{version}/notes/{{uuid}}/"]["get"]
        assert (write["operationId"], read["operationId"]) == (f"write_note{suffix}", f"get_note{suffix}")
        assert {
            "UNAUTHENTICATED",
            "LIMIT_EXCEEDED",
            "VALIDATION_ERROR",
            "INVALID_JSON",
            "IDEMPOTENCY_KEY_REUSED",
        } <= codes(write)
        assert {"UNAUTHENTICATED", "NOT_FOUND", "RATE_LIMITED"} <= codes(read)
        assert "304" in read["responses"]
        assert write["tags"] == ["notes"]
