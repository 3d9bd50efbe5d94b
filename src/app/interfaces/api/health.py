from typing import Any

from fastapi import APIRouter, Response

from src.app.interfaces.api.core.dependencies import RunningProcess
from src.app.interfaces.version import VERSION

router = APIRouter(tags=["health"])
versioned = APIRouter(tags=["health"])


@router.get("/health/live/", summary="Is the process alive?", response_description="It is")
async def live() -> dict[str, str]:
    """Answer as long as the process can; it looks at nothing else."""
    return {"status": "alive"}


@router.get(
    "/health/ready/",
    summary="Can the process do its job?",
    response_description="It can, perhaps without some optional part",
    responses={503: {"description": "A part that it cannot do without is out"}},
)
async def ready(process: RunningProcess, response: Response) -> dict[str, Any]:
    """Look at each part that the service stands on, and say how long each took in milliseconds."""
    findings = await process.health()
    missing = [name for name, finding in findings.items() if not finding.is_ok]
    is_ready = not any(findings[name].is_required for name in missing)
    response.status_code = 200 if is_ready else 503
    return {
        "status": "unavailable" if not is_ready else "degraded" if missing else "ready",
        "missing": missing,
        "checks": {name: {"ok": finding.is_ok, "ms": finding.ms} for name, finding in findings.items()},
    }


@versioned.get("/health/", summary="Say which service this is", response_description="Service is healthy")
async def health(process: RunningProcess) -> dict[str, Any]:
    settings = process.settings
    return {
        "status": "healthy",
        "service": settings.PROJECT_NAME,
        "version": VERSION,
        "environment": settings.LAUNCH_MODE.lower(),
        "auth0_configured": False,
        "supabase_configured": False,
    }
