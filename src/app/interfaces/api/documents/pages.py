"""The API document and the pages that show it: Swagger UI and ReDoc, from files of our own.

The files of the two stand in `assets` as `python -m src.local.pages` took them from npm: beside the
code, so that neither a start nor a build of an image has to reach anybody.
"""

import gzip
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from hashlib import sha256
from html import escape
from pathlib import Path
from secrets import token_urlsafe
from typing import NamedTuple

import orjson
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

ASSETS = Path(__file__).with_name("assets")
DOCUMENT = "/openapi.json"

_MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_FOREVER = "public, max-age=31536000, immutable"

_POLICY = (
    "default-src 'none'; script-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
)
_PAGE = """\
<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{title}</title>
    <link rel="icon" href="data:,">
{styles}\
  </head>
  <body>
    <div id="page"></div>
{scripts}\
  </body>
</html>
"""


class Page(NamedTuple):
    """Files in the order in which they are loaded, the last of which shows the document."""

    name: str
    styles: tuple[str, ...]
    scripts: tuple[str, ...]
    policy: str
    """What else it needs to be allowed."""

    def html(self, *, project: str, assets: Mapping[str, str], document: str, nonce: str = "") -> str:
        """Return the page; `assets` says where each file is found."""
        links = [f'    <link rel="stylesheet" href="{escape(assets[name])}">\n' for name in self.styles]
        scripts = [f'    <script src="{escape(assets[name])}"></script>\n' for name in self.scripts[:-1]]
        told = f' nonce="{escape(nonce)}"' if nonce else ""
        last = escape(assets[self.scripts[-1]])
        scripts.append(f'    <script src="{last}" data-document="{escape(document)}"{told}></script>\n')
        return _PAGE.format(
            title=escape(f"{project} · {self.name}"), styles="".join(links), scripts="".join(scripts)
        )


SWAGGER = Page(
    "Swagger UI",
    styles=("swagger-ui-dist-5.35.0/swagger-ui.css",),
    scripts=("swagger-ui-dist-5.35.0/swagger-ui-bundle.js", "swagger.js"),
    policy="style-src 'self'",
)
REDOC = Page(
    "ReDoc",
    styles=("redoc.css",),
    scripts=("redoc-2.5.4/redoc.standalone.js", "redoc.js"),
    # It writes styles into elements, and searches in a worker that it makes itself. What it would
    # load from elsewhere, its maker's sign, stays out.
    policy="style-src 'self' 'nonce-{nonce}'; worker-src blob:",
)


def documents_of(app: FastAPI) -> Iterator[Route]:
    """Yield what shows the API: the document, its two pages, and their files.

    Below `/api/` stand the paths of an older API, which its users may have kept.
    """

    @cache
    def document() -> bytes:
        return orjson.dumps(app.openapi())

    def show_document(request: Request) -> Response:
        return _sent(request, document(), "application/json", "no-cache")

    def show_swagger(request: Request) -> Response:
        return _shown(request, SWAGGER, app.title)

    def show_redoc(request: Request) -> Response:
        return _shown(request, REDOC, app.title)

    shown = {
        DOCUMENT: show_document,
        "/docs": show_swagger,
        "/redoc": show_redoc,
        "/docs/assets/{digest}/{name:path}": _show_asset,
        "/api/v1/schema/": show_document,
        "/api/v1/docs/": show_swagger,
        "/api/v1/redoc/": show_redoc,
    }
    for path, show in shown.items():
        yield Route(path, show, include_in_schema=False)


def _shown(request: Request, page: Page, project: str) -> Response:
    root = request.scope.get("root_path", "")
    nonce = token_urlsafe(16)
    assets = {name: f"{root}/docs/assets/{digest}/{name}" for name, digest in _digests().items()}
    return HTMLResponse(
        page.html(project=project, assets=assets, document=f"{root}{DOCUMENT}", nonce=nonce),
        headers={"content-security-policy": _POLICY + page.policy.format(nonce=nonce)},
    )


def _show_asset(request: Request) -> Response:
    name = request.path_params["name"]
    # Another digest is another version of the file, and would be kept for ever under its name.
    if _digests().get(name) != request.path_params["digest"]:
        raise HTTPException(404)
    file = ASSETS / name
    return _sent(request, file.read_bytes(), _MEDIA_TYPES[file.suffix], _FOREVER)


def _sent(request: Request, content: bytes, media_type: str, kept: str) -> Response:
    tag = f'"{sha256(content).hexdigest()[:32]}"'
    headers = {"cache-control": kept, "etag": tag, "vary": "Accept-Encoding"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        content = _zipped(content)
        headers["content-encoding"] = "gzip"
    return Response(content, media_type=media_type, headers=headers)


@cache
def _digests() -> Mapping[str, str]:
    # The name of a file changes with its content, so browsers need never ask whether it did.
    return {
        file.relative_to(ASSETS).as_posix(): sha256(file.read_bytes()).hexdigest()[:16]
        for file in ASSETS.rglob("*")
        if file.suffix in _MEDIA_TYPES
    }


@lru_cache(maxsize=8)
def _zipped(content: bytes) -> bytes:
    return gzip.compress(content, 6, mtime=0)
