from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from src.app.interfaces.api.core.dependencies import RunningProcess
from src.app.interfaces.version import VERSION

router = APIRouter(tags=["health"])
versioned = APIRouter(tags=["health"])


@dataclass(slots=True)
class Liveness:
    status: Literal["alive"]


@dataclass(slots=True)
class Check:
    """Whether a part answered, and in how many milliseconds."""

    ok: bool
    ms: float


@dataclass(slots=True)
class Readiness:
    """`missing` names the parts that are out; the service is degraded where it can do without them."""

    status: Literal["ready", "degraded", "unavailable"]
    missing: Annotated[list[str], Field(examples=[[]])]
    checks: Annotated[dict[str, Check], Field(examples=[{"database": {"ok": True, "ms": 0.8}}])]


@dataclass(slots=True)
class Service:
    """Which service this is, and which providers it is set up with."""

    status: Literal["healthy"]
    service: Annotated[str, Field(examples=["Allium"])]
    version: Annotated[str, Field(examples=[VERSION])]
    environment: Annotated[str, Field(examples=["prod"])]
    auth0_configured: bool
    supabase_configured: bool


@router.get("/health/live/", summary="Is the process alive?", response_description="It is")
async def live() -> Liveness:
    """Answer as long as the process can; it looks at nothing else."""
    return Liveness("alive")


@router.get(
    "/health/ready/",
    summary="Can the process do its job?",
    response_description="It can, perhaps without some optional part",
    responses={503: {"model": Readiness, "description": "A part that it cannot do without is out"}},
)
async def ready(process: RunningProcess, response: Response) -> Readiness:
    """Look at each part that the service stands on, and say how long each took in milliseconds."""
    findings = await process.health()
    missing = [name for name, finding in findings.items() if not finding.is_ok]
    is_ready = not any(findings[name].is_required for name in missing)
    response.status_code = 200 if is_ready else 503
    return Readiness(
        "unavailable" if not is_ready else "degraded" if missing else "ready",
        missing,
        {name: Check(finding.is_ok, finding.ms) for name, finding in findings.items()},
    )


@versioned.get("/health/", summary="Say which service this is", response_description="Service is healthy")
async def health(process: RunningProcess) -> Service:
    """Answer the name, the version and the environment of the service."""
    settings = process.settings
    return Service(
        status="healthy",
        service=settings.PROJECT_NAME,
        version=VERSION,
        environment=settings.LAUNCH_MODE.lower(),
        auth0_configured=False,
        supabase_configured=False,
    )
