from fastapi import APIRouter

from src.app.application.dto.users import UserDTO
from src.app.application.services.auth_service import AppAuthService
from src.app.application.services.users_service import AppUserService
from src.app.interfaces.api.core.dependencies import CurrentActor, Users
from src.app.interfaces.api.core.route import StrictRoute, responses_of

router = APIRouter(prefix="/users", tags=["users"], route_class=StrictRoute)


@router.get(
    "/me/",
    summary="Show my profile",
    response_description="User retrieved",
    responses=responses_of(AppUserService.get_me, AppAuthService.authenticate),
)
async def get_me(actor: CurrentActor, users: Users) -> UserDTO:
    """Answer what is known of the caller."""
    return await users.get_me(actor)
