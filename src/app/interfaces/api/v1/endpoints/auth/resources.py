from fastapi import APIRouter, Request

from src.app.application.dto.auth import SignedUpDTO, SignIn, TokensDTO
from src.app.application.dto.users import SignUp, UserDTO
from src.app.application.ports.limits import Limited
from src.app.application.services.auth_service import AppAuthService
from src.app.interfaces.api.core.dependencies import Auth, CurrentDevice, bearer_token
from src.app.interfaces.api.core.limits import limited
from src.app.interfaces.api.core.responses import leads_to, link, responses_of
from src.app.interfaces.api.v1.endpoints.auth.schemas import RefreshToken

router = APIRouter(prefix="/auth", tags=["auth"])


@router.post(
    "/sign-up/",
    status_code=201,
    summary="Sign up",
    response_description="User created",
    responses=responses_of(AppAuthService.sign_up),
    openapi_extra=leads_to(
        link("sign_in", body={"email": "$request.body#/email", "password": "$request.body#/password"}),
        link("get_user", parameters={"uuid": "$response.body#/uuid"}),
        status=201,
    ),
    dependencies=[limited(Limited.SIGN_UP)],
)
async def sign_up(body: SignUp, auth: Auth, device: CurrentDevice) -> UserDTO | SignedUpDTO:
    """Make an account with an e-mail address and a password.

    A welcome mail follows. With `issue_tokens` the answer is the user and a pair of tokens.
    """
    return await auth.sign_up(body, device)


@router.post(
    "/tokens/",
    summary="Sign in",
    response_description="Signed in",
    responses=responses_of(AppAuthService.sign_in),
    openapi_extra=leads_to(link("refresh", body={"refresh_token": "$response.body#/refresh"})),
    dependencies=[limited(Limited.TOKENS)],
)
async def sign_in(body: SignIn, auth: Auth, device: CurrentDevice) -> TokensDTO:
    """Exchange an e-mail address (or a phone number) and the password for a pair of tokens."""
    return await auth.sign_in(body, device)


@router.post(
    "/tokens/refresh/",
    summary="Refresh the tokens",
    response_description="Tokens refreshed",
    responses=responses_of(AppAuthService.refresh),
    openapi_extra={
        "security": [{"RefreshToken": []}, {}],
        **leads_to(link("refresh", body={"refresh_token": "$response.body#/refresh"})),
    },
    dependencies=[limited(Limited.TOKENS)],
)
async def refresh(request: Request, auth: Auth, body: RefreshToken | None = None) -> TokensDTO:
    """Exchange a refresh token, sent as Bearer or in the body, for a new pair; the old one is spent.

    Asking again with the same token within ten seconds answers the same pair. Later it ends the
    session: somebody has a copy.
    """
    return await auth.refresh(body.refresh_token if body else bearer_token(request))
