"""The pages that show the API: what they load is ours, and they load nothing else."""

import gzip
from dataclasses import replace
from html.parser import HTMLParser

import httpx2
import pytest

from src.app.infrastructure.bootstrap import Process
from src.local.pages import PACKAGES, Package
from tests.interfaces.api.conftest import Served, asking

DOCUMENTS = ["/openapi.json", "/api/schema/", "/api/v1/schema/"]
SWAGGER = ["/docs", "/api/docs/", "/api/v1/docs/"]
REDOC = ["/redoc", "/api/redoc/", "/api/v1/redoc/"]


class Read(HTMLParser):
    """What a page names, and what it holds itself."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.document = ""
        self.inline: list[str] = []
        self._tag = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        for name, value in attrs:
            if name in {"src", "href"} and value != "data:,":
                self.loaded.append(value or "")
            if name == "data-document":
                self.document = value or ""
            if name == "style" or name.startswith("on"):
                self.inline.append(f"{name}={value}")

    def handle_data(self, data: str) -> None:
        if self._tag in {"script", "style"} and data.strip():
            self.inline.append(data)


class TestPages:
    @pytest.mark.parametrize("path", [*SWAGGER, *REDOC])
    async def test_all_that_they_load_is_ours(self, client: httpx2.AsyncClient, path: str) -> None:
        answer = await client.get(path)
        page = Read(answer.text)

        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert len(page.loaded) == 3
        assert not page.inline
        for asset in page.loaded:
            loaded = await client.get(asset)
            kind = "text/css" if asset.endswith(".css") else "text/javascript"
            assert asset.startswith("/docs/assets/")
            assert loaded.status_code == 200
            assert loaded.headers["content-type"] == f"{kind}; charset=utf-8"
            assert loaded.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert (await client.get(page.document)).json()["openapi"].startswith("3.1")

    @pytest.mark.parametrize("path", [*SWAGGER, *REDOC])
    async def test_a_browser_is_allowed_no_more(self, client: httpx2.AsyncClient, path: str) -> None:
        headers = (await client.get(path)).headers

        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; ")
        assert "unsafe" not in policy
        assert "http" not in policy
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"

    async def test_a_nonce_is_used_once(self, client: httpx2.AsyncClient) -> None:
        first, second = await client.get("/redoc"), await client.get("/redoc")

        assert first.headers["content-security-policy"] != second.headers["content-security-policy"]

    async def test_they_know_the_path_that_a_proxy_takes_away(self, served: Served) -> None:
        async with asking(served, root_path="/behind") as client:
            page = Read((await client.get("/docs")).text)

        assert {asset.partition("/docs/")[0] for asset in page.loaded} == {"/behind"}
        assert page.document == "/behind/openapi.json"

    @pytest.mark.parametrize("path", [*DOCUMENTS, *SWAGGER, *REDOC])
    async def test_they_can_be_hidden(self, running: Process, path: str) -> None:
        settings = running.settings.model_copy(update={"SHOW_API_DOCS": False})
        async with asking(Served(replace(running, settings=settings))) as client:
            assert (await client.get(path)).status_code == 404


class TestFiles:
    @pytest.mark.parametrize("path", DOCUMENTS)
    async def test_the_document_is_asked_for_again_but_not_sent_again(
        self, client: httpx2.AsyncClient, path: str
    ) -> None:
        answer = await client.get(path)

        again = await client.get(path, headers={"If-None-Match": answer.headers["etag"]})

        assert answer.headers["cache-control"] == "no-cache"
        assert (again.status_code, again.content) == (304, b"")

    async def test_they_are_sent_zipped_to_who_can_unzip(self, client: httpx2.AsyncClient) -> None:
        zipped = await client.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
        plain = await client.get("/openapi.json", headers={"Accept-Encoding": "identity"})

        assert zipped.headers["content-encoding"] == "gzip"
        assert "content-encoding" not in plain.headers
        assert int(zipped.headers["content-length"]) == len(gzip.compress(plain.content, 6))
        assert zipped.json() == plain.json()

    @pytest.mark.parametrize(
        "path",
        ["/docs/assets/0123456789abcdef/swagger.js", "/docs/assets/0/../pages.py", "/docs/assets/0/nothing.js"],
    )
    async def test_nothing_else_is_kept_for_ever(self, client: httpx2.AsyncClient, path: str) -> None:
        answer = await client.get(path)

        assert answer.status_code == 404
        assert answer.headers["cache-control"] == "no-store"

    @pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
    def test_they_come_with_their_licences(self, package: Package) -> None:
        names = {file.rpartition("/")[2] for file in package.files}

        assert {file.name for file in package.folder.iterdir()} == names
        assert "LICENSE" in names
