"""Routes keep what they declare, at whichever path they stand."""

from typing import Any

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI
from starlette.responses import PlainTextResponse

from src.app.infrastructure.bootstrap import Process
from src.app.interfaces.api.app import Application
from src.app.interfaces.api.core.dependencies import RunningProcess
from src.app.interfaces.api.middleware.edge import Edge
from src.app.interfaces.api.routers import routes_below
from tests.interfaces.api.conftest import asking


class Refused(Exception):
    """What the guard of these tests raises."""


async def guard() -> None:
    raise Refused


def with_guard_on_the_router() -> APIRouter:
    router = APIRouter(dependencies=[Depends(guard)])

    @router.get("/thing/")
    async def thing(process: RunningProcess) -> str:
        return process.settings.PROJECT_NAME

    return router


def with_guard_on_the_route() -> APIRouter:
    router = APIRouter()

    @router.get("/thing/", dependencies=[Depends(guard)])
    async def thing(process: RunningProcess) -> str:
        return process.settings.PROJECT_NAME

    return router


def without_a_guard() -> APIRouter:
    router = APIRouter()

    @router.get("/thing/")
    async def thing(process: RunningProcess) -> str:
        return process.settings.PROJECT_NAME

    return router


async def asked(router: APIRouter, process: Process) -> httpx2.Response:
    app = FastAPI()
    app.router.routes.extend(routes_below("/api/v1", router))

    async def served(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "state": {"process": process}}, receive, send)

    async with asking(served) as client:
        return await client.get("/api/v1/thing/")


class TestTable:
    """Which of several routes a path is for."""

    async def asked(self, method: str, path: str) -> tuple[int, str]:
        app = Application()

        def answering(name: str) -> Any:
            async def endpoint() -> str:
                return name

            return endpoint

        for at, methods in [
            ("/things/{uuid}/", ["GET", "DELETE"]),
            ("/things/mine/", ["GET"]),
            ("/things/{uuid}/parts/", ["POST"]),
            ("/things/old/{part}/", ["GET"]),
            ("/{anything}/", ["GET"]),
        ]:
            app.add_api_route(at, answering(at), methods=methods)
        app.add_middleware(Edge, hosts=[], at_once=10)
        app.mount("/files", PlainTextResponse("mounted"))
        async with asking(app) as client:
            answer = await client.request(method, path)
        return answer.status_code, answer.headers.get("allow", answer.text.strip('"'))

    @pytest.mark.parametrize(
        ("method", "path", "found"),
        [
            ("GET", "/things/7/", (200, "/things/{uuid}/")),
            ("GET", "/things/mine/", (200, "/things/mine/")),
            ("DELETE", "/things/mine/", (405, "GET")),
            ("POST", "/things/mine/", (405, "GET")),
            ("POST", "/things/7/parts/", (200, "/things/{uuid}/parts/")),
            ("GET", "/things/old/parts/", (200, "/things/old/{part}/")),
            ("POST", "/things/old/parts/", (200, "/things/{uuid}/parts/")),
            ("PUT", "/things/7/", (405, "DELETE, GET")),
            ("GET", "/else/", (200, "/{anything}/")),
            ("GET", "/files/x", (200, "mounted")),
        ],
    )
    async def test_the_one_that_says_most_of_the_path(
        self, method: str, path: str, found: tuple[int, str]
    ) -> None:
        assert await self.asked(method, path) == found

    @pytest.mark.parametrize("path", ["/", "//", "/a/b/c/", "/things/7/parts/8/"])
    async def test_there_may_be_none(self, path: str) -> None:
        assert (await self.asked("GET", path))[0] == 404


class TestGuards:
    @pytest.mark.parametrize("make", [with_guard_on_the_router, with_guard_on_the_route])
    async def test_a_guard_is_asked_wherever_it_is_declared(self, make: Any, process: Process) -> None:
        with pytest.raises(Refused):
            await asked(make(), process)

    async def test_without_one_the_answer_is_the_same(self, process: Process) -> None:
        assert (await asked(without_a_guard(), process)).json() == "Allium"


class TestDeclarations:
    async def test_how_an_answer_is_written_is_kept(self, process: Process) -> None:
        router = APIRouter()

        @router.get("/thing/", response_class=PlainTextResponse)
        async def thing(process: RunningProcess) -> str:
            return process.settings.PROJECT_NAME

        answer = await asked(router, process)

        assert (answer.text, answer.headers["content-type"]) == ("Allium", "text/plain; charset=utf-8")
