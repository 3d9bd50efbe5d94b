"""What endpoints ask for: each is declared once, here, and named by its type."""

from hmac import compare_digest
from typing import Annotated, Any

from fastapi import Depends, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.security import HTTPBearer

from src.app.application.common.actor import Actor
from src.app.application.common.context import current_actor
from src.app.application.dto.auth import Device
from src.app.application.ports.limits import Limited
from src.app.application.services.auth_service import AppAuthService
from src.app.application.services.users_service import AppUserService
from src.app.domain.common.exceptions import AuthenticationError
from src.app.infrastructure.bootstrap import Process
from src.app.interfaces.api.core.headers import header_of
from src.app.interfaces.api.core.limits import count_address, count_user, hit, name_of
from src.app.interfaces.bearer import bearer_token_of

MAX_USER_AGENT_LENGTH = 255


async def running_process(request: Request) -> Process:
    process: Process = request.scope["state"]["process"]
    return process


async def _auth_service(request: Request) -> AppAuthService:
    return (await running_process(request)).container.auth_service


async def _users_service(request: Request) -> AppUserService:
    return (await running_process(request)).container.users_service


class BearerToken(HTTPBearer):
    """The actor of the access token in `Authorization: Bearer …` (RFC 6750)."""

    async def __call__(self, request: Request) -> Actor:  # type: ignore[override]
        try:
            process = await running_process(request)
            actor = await process.container.auth_service.authenticate(bearer_token(request))
        except AuthenticationError:
            count_address(request.scope)
            raise
        current_actor.set(actor)
        count_user(request.scope, actor)
        return actor


def asks_who(dependant: Dependant) -> bool:
    """Tell whether a route knows its caller by a token, and counts their requests by user."""
    return isinstance(dependant.call, BearerToken) or any(map(asks_who, dependant.dependencies))


def bearer_token(request: Request) -> str:
    """Return the token of the request.

    Raises:
        AuthenticationError: it brings none.
    """
    return bearer_token_of(header_of(request.scope, b"authorization"))


async def _device(request: Request) -> Device:
    agent = request.headers.get("user-agent", "")[:MAX_USER_AGENT_LENGTH]
    return Device(address=request.scope.get("client_address"), user_agent=agent or None)


_bearer = BearerToken(bearerFormat="JWT", scheme_name="Bearer", auto_error=False)

Auth = Annotated[AppAuthService, Depends(_auth_service)]
CurrentActor = Annotated[Actor, Security(_bearer)]
CurrentDevice = Annotated[Device, Depends(_device)]
RunningProcess = Annotated[Process, Depends(running_process)]
Users = Annotated[AppUserService, Depends(_users_service)]


def limited_by_user(what: Limited) -> Any:
    """Return a dependency that limits a route more strictly, by who asks."""

    async def check(request: Request, actor: CurrentActor) -> None:
        await hit(request.scope, what, name_of(actor))

    return Depends(check)


async def validate_api_key(request: Request) -> None:
    """Let in who sends the `API_KEY` of the settings as `X-API-Key`; without that setting, nobody.

    Raises:
        AuthenticationError: it is not that key.
    """
    expected = (await running_process(request)).settings.API_KEY
    given = request.headers.get("x-api-key", "")
    if expected is None or not compare_digest(given.encode(), expected.get_secret_value().encode()):
        raise AuthenticationError("This is not a valid API key")


async def validate_auth_data(actor: CurrentActor) -> dict[str, Any]:
    """Return the caller as the prototype's endpoints know them: `auth_data["uuid"]`."""
    return {"uuid": str(actor.uuid), "sid": str(actor.session_id)}
