"""For developers, and only in LOCAL and TEST."""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request
from pydantic import Field

from src.app.application.dto.fields import JSONObject
from src.app.domain.common.exceptions import AppException, NotFoundError
from src.app.interfaces.api.core.dependencies import RunningProcess
from src.app.interfaces.api.core.responses import responses_with
from src.app.interfaces.outcomes import OUTCOMES
from src.app.interfaces.version import VERSION

router = APIRouter(prefix="/debug", tags=["debug"])

_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
_KINDS: dict[str, type[AppException]] = {kind.__name__: kind for kind in OUTCOMES}


@dataclass(slots=True)
class Pong:
    message: Literal["pong"]


@dataclass(slots=True)
class Info:
    """`headers` are those of the request, less the secret ones."""

    version: Annotated[str, Field(examples=[VERSION])]
    mode: Annotated[str, Field(examples=["LOCAL"])]
    headers: Annotated[dict[str, str], Field(examples=[{"host": "127.0.0.1:8081"}])]


@router.get("/ping/", summary="Ping", response_description="Pong")
async def ping() -> Pong:
    """Answer at once; nothing is looked at."""
    return Pong("pong")


@router.get("/info/", summary="Show this service and the request", response_description="Information")
async def info(request: Request, process: RunningProcess) -> Info:
    """Answer the version, the mode, and the headers that arrived."""
    headers = {name: value for name, value in request.headers.items() if name not in _SECRET_HEADERS}
    return Info(VERSION, process.settings.LAUNCH_MODE, headers)


@router.get(
    "/error/{kind}/",
    summary="Raise an error of a kind",
    response_description="Never",
    responses=responses_with(*_KINDS.values()),
)
async def raise_error(kind: Annotated[str, Path(examples=["NotFoundError"])]) -> None:
    """Raise the kind of that name, `NotFoundError` say, or for `unexpected` what nobody foresaw."""
    if kind == "unexpected":
        raise RuntimeError("An error that nobody foresaw")
    if kind not in _KINDS:
        raise NotFoundError(f"There is no kind {kind[:50]!r}; there are {', '.join(_KINDS)} and unexpected")
    raise _KINDS[kind]


@router.post("/echo/", summary="Echo the body", response_description="Echo")
async def echo(body: JSONObject) -> JSONObject:
    """Answer what was sent."""
    return body
