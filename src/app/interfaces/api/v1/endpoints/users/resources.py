from fastapi import APIRouter

from src.app.application.common.page import Page
from src.app.application.dto.users import USERS, UserDTO
from src.app.application.services.auth_service import AppAuthService
from src.app.application.services.users_service import AppUserService
from src.app.interfaces.api.core.dependencies import CurrentActor, Users
from src.app.interfaces.api.core.lists import Wanted, parameters_of
from src.app.interfaces.api.core.route import StrictRoute, responses_of

router = APIRouter(prefix="/users", tags=["users"], route_class=StrictRoute)


@router.get(
    "/",
    summary="List users",
    response_description="Users retrieved",
    responses=responses_of(AppUserService.list_users, AppAuthService.authenticate),
    openapi_extra=parameters_of(USERS),
)
async def list_users(actor: CurrentActor, wanted: Wanted, users: Users) -> Page[UserDTO]:
    """Answer a page of the users that match, for who may read them all."""
    return await users.list_users(actor, wanted)


@router.get(
    "/me/",
    summary="Show my profile",
    response_description="User retrieved",
    responses=responses_of(AppUserService.get_me, AppAuthService.authenticate),
)
async def get_me(actor: CurrentActor, users: Users) -> UserDTO:
    """Answer what is known of the caller."""
    return await users.get_me(actor)
