"""For developers, and only in LOCAL and TEST."""

from typing import Any

from fastapi import APIRouter, Request

from src.app.application.dto.fields import JSONObject
from src.app.domain.common.exceptions import AppException, NotFoundError
from src.app.interfaces.api.core.dependencies import RunningProcess
from src.app.interfaces.api.core.route import StrictRoute
from src.app.interfaces.outcomes import OUTCOMES
from src.app.interfaces.version import VERSION

router = APIRouter(prefix="/debug", tags=["debug"], route_class=StrictRoute)

_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
_KINDS: dict[str, type[AppException]] = {kind.__name__: kind for kind in OUTCOMES}


@router.get("/ping/", summary="Ping", response_description="Pong")
async def ping() -> dict[str, str]:
    return {"message": "pong"}


@router.get("/info/", summary="Show this service and the request", response_description="Information")
async def info(request: Request, process: RunningProcess) -> dict[str, Any]:
    headers = {name: value for name, value in request.headers.items() if name not in _SECRET_HEADERS}
    return {"version": VERSION, "mode": process.settings.LAUNCH_MODE, "headers": headers}


@router.get("/error/{kind}/", summary="Raise an error of a kind", response_description="Never")
async def raise_error(kind: str) -> None:
    """Raise the kind of that name, `NotFoundError` say, or for `unexpected` what nobody foresaw."""
    if kind == "unexpected":
        raise RuntimeError("An error that nobody foresaw")
    if kind not in _KINDS:
        raise NotFoundError(f"There is no kind {kind[:50]!r}; there are {', '.join(_KINDS)} and unexpected")
    raise _KINDS[kind]


@router.post("/echo/", summary="Echo the body", response_description="Echo")
async def echo(body: JSONObject) -> dict[str, Any]:
    return body
