from hmac import compare_digest
from ipaddress import ip_address

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from src.app.domain.common.exceptions import AuthenticationError, AuthorizationError
from src.app.interfaces.api.core.dependencies import RunningProcess, bearer_token

router = APIRouter(include_in_schema=False)


@router.get("/metrics")
async def metrics(request: Request, process: RunningProcess) -> Response:
    """Answer in Prometheus' text format: to who knows `METRICS_TOKEN`, else to this machine only."""
    secret = process.settings.METRICS_TOKEN
    if secret is not None:
        if not compare_digest(bearer_token(request).encode(), secret.get_secret_value().encode()):
            raise AuthenticationError("This is not the token for metrics")
    elif not _is_loopback(request.scope.get("client_address")):
        raise AuthorizationError("Metrics are for this machine; set METRICS_TOKEN to read them from another")
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _is_loopback(address: str | None) -> bool:
    try:
        return ip_address(address or "").is_loopback
    except ValueError:
        return False
