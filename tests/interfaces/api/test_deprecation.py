"""What is to go: a version, an operation or a field, each declared in one place."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter
from prometheus_client import REGISTRY

from src.app.application.common.deprecation import Deprecation, deprecated
from src.app.application.common.dto import Command
from src.app.infrastructure.bootstrap import Process
from src.app.interfaces.api import routers
from src.app.interfaces.api.core.dependencies import RunningProcess
from src.app.interfaces.api.v1.routers import RESOURCES
from src.app.interfaces.api.versions import VERSIONS
from tests.interfaces.api.conftest import Served, asking

GONE = Deprecation(since=date(2026, 11, 1), sunset=date(2027, 5, 1), link="https://docs.example.com/old")
FIELD = Deprecation(since=date(2026, 10, 1), sunset=date(2027, 9, 1), link="https://docs.example.com/field")


class Ask(Command):
    name: str = ""
    nick: Annotated[str, FIELD] = ""


@dataclass(slots=True)
class Shown:
    name: str
    alias: Annotated[str, FIELD]


def resource() -> APIRouter:
    router = APIRouter(prefix="/old")

    @router.get("/", summary="Old")
    @deprecated(GONE)
    async def old(process: RunningProcess) -> str:
        return process.settings.PROJECT_NAME

    @router.post("/", summary="Ask")
    async def ask(body: Ask) -> str:
        return body.name

    @router.get("/shown/", summary="Shown")
    async def shown() -> Shown:
        return Shown("a", "b")

    return router


@pytest.fixture
async def client(process: Process, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(routers, "RESOURCES", (*RESOURCES, resource()))
    served = Served(process)
    async with asking(served) as client:
        yield client


def told(answer: httpx2.Response) -> tuple[str | None, str | None, str | None]:
    return tuple(answer.headers.get(name) for name in ("deprecation", "sunset", "link"))  # type: ignore[return-value]


def counted(route: str, what: str, method: str = "GET") -> float:
    labels = {"method": method, "route": route, "what": what}
    return REGISTRY.get_sample_value("http_deprecated_requests_total", labels) or 0.0


class TestOperation:
    async def test_it_is_told_counted_and_documented(self, client: httpx2.AsyncClient) -> None:
        before = counted("/api/v2/old/", "operation")

        v1, v2 = await client.get("/api/v1/old/"), await client.get("/api/v2/old/")

        assert told(v1) == (
            "@1793491200",  # 2026-11-01
            "Sat, 01 May 2027 00:00:00 GMT",
            '<https://docs.example.com/old>; rel="deprecation"; type="text/html"',
        )
        assert told(v2) == told(v1)
        assert v2.json()["meta"]["deprecation"] == {
            "message": "Operation is deprecated",
            "version": None,
            "since": "2026-11-01",
            "sunset_date": "2027-05-01",
            "migration_guide": "https://docs.example.com/old",
        }
        assert counted("/api/v2/old/", "operation") == before + 1
        paths = (await client.get("/openapi.json")).json()["paths"]
        assert paths["/api/v1/old/"]["get"]["deprecated"] is True
        assert "deprecated" not in paths["/api/v1/old/"]["post"]

    async def test_others_say_nothing_of_it(self, client: httpx2.AsyncClient) -> None:
        answer = await client.get("/api/v2/debug/ping/")

        assert told(answer) == (None, None, None)
        assert "deprecation" not in answer.json()["meta"]


class TestField:
    async def test_one_that_is_sent_is_told(self, client: httpx2.AsyncClient) -> None:
        without = await client.post("/api/v2/old/", json={"name": "a"})
        sent = await client.post("/api/v2/old/", json={"nick": "b"})

        assert told(without) == (None, None, None)
        assert told(sent)[0] == "@1790812800"
        assert sent.json()["meta"]["deprecation"]["message"] == "Field nick is deprecated"

    async def test_one_that_is_answered_is_told_always(self, client: httpx2.AsyncClient) -> None:
        answer = await client.get("/api/v2/old/shown/")

        assert answer.json()["meta"]["deprecation"]["message"] == "Field alias is deprecated"

    async def test_the_document_marks_it(self, client: httpx2.AsyncClient) -> None:
        schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]

        assert schemas["Ask"]["properties"]["nick"]["deprecated"] is True
        assert schemas["Shown"]["properties"]["alias"]["deprecated"] is True


class TestVersion:
    async def test_all_its_operations_tell(
        self, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(VERSIONS, "v2", FIELD)
        noted = (await client.get("/api/v2/debug/ping/")).json()["meta"]["deprecation"]
        assert (noted["version"], noted["message"]) == ("v2", "Version v2 is deprecated")
        monkeypatch.setitem(VERSIONS, "v2", None)
        monkeypatch.setitem(VERSIONS, "v1", FIELD)

        assert told(await client.get("/api/v1/debug/ping/"))[0] == "@1790812800"
        assert told(await client.get("/api/v2/debug/ping/")) == (None, None, None)
        # Of two, the earlier beginning and the earlier end.
        both = await client.get("/api/v1/old/")
        assert told(both)[:2] == ("@1790812800", "Sat, 01 May 2027 00:00:00 GMT")
