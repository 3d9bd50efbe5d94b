from uuid import UUID

from fastapi import APIRouter

from src.app.application.common.lists import Filters
from src.app.application.common.page import Page
from src.app.application.dto.users import USERS, Profile, UserDTO
from src.app.application.services.users_service import AppUserService
from src.app.interfaces.api.core.conditions import ExpectedVersion
from src.app.interfaces.api.core.dependencies import CurrentActor, Users
from src.app.interfaces.api.core.list_parameters import parameters_of
from src.app.interfaces.api.core.lists import Wanted
from src.app.interfaces.api.core.responses import responses_of

router = APIRouter(prefix="/users", tags=["users"])


@router.get(
    "/",
    summary="List users",
    response_description="Users retrieved",
    responses=responses_of(AppUserService.list_users),
    openapi_extra=parameters_of(USERS),
)
async def list_users(actor: CurrentActor, wanted: Wanted, users: Users) -> Page[UserDTO]:
    """Answer a page of the users that match, for who may read them all."""
    return await users.list_users(actor, wanted)


@router.get(
    "/filters/",
    summary="Show what may be asked of the list of users",
    response_description="Filters retrieved",
    responses=responses_of(AppUserService.list_user_filters),
)
async def list_user_filters(actor: CurrentActor, users: Users) -> Filters:
    """Answer the fields that the caller may filter and sort by, each with its type and its lookups."""
    return await users.list_user_filters(actor)


@router.get(
    "/me/",
    summary="Show my profile",
    response_description="User retrieved",
    responses=responses_of(AppUserService.get_me),
)
async def get_me(actor: CurrentActor, users: Users) -> UserDTO:
    """Answer what is known of the caller."""
    return await users.get_me(actor)


@router.put(
    "/me/",
    summary="Replace my profile",
    response_description="User updated",
    responses=responses_of(AppUserService.replace_user),
)
async def replace_me(profile: Profile, actor: CurrentActor, users: Users, version: ExpectedVersion) -> UserDTO:
    """Take over the whole profile: a field that is not sent becomes null."""
    return await users.replace_user(actor, actor.uuid, profile, expected_version=version)


@router.patch(
    "/me/",
    summary="Change my profile",
    response_description="User updated",
    responses=responses_of(AppUserService.update_user),
)
async def update_me(changes: Profile, actor: CurrentActor, users: Users, version: ExpectedVersion) -> UserDTO:
    """Take over the fields that are sent, as a JSON merge patch (RFC 7396); the others stay as they are."""
    return await users.update_user(actor, actor.uuid, changes, expected_version=version)


@router.get(
    "/{uuid}/",
    summary="Show a user",
    response_description="User retrieved",
    responses=responses_of(AppUserService.get_user),
)
async def get_user(uuid: UUID, actor: CurrentActor, users: Users) -> UserDTO:
    """Answer what is known of a user, to themselves and to who may read users."""
    return await users.get_user(actor, uuid)


@router.put(
    "/{uuid}/",
    summary="Replace a user's profile",
    response_description="User updated",
    responses=responses_of(AppUserService.replace_user),
)
async def replace_user(
    uuid: UUID, profile: Profile, actor: CurrentActor, users: Users, version: ExpectedVersion
) -> UserDTO:
    """Take over the whole profile: a field that is not sent becomes null."""
    return await users.replace_user(actor, uuid, profile, expected_version=version)


@router.patch(
    "/{uuid}/",
    summary="Change a user's profile",
    response_description="User updated",
    responses=responses_of(AppUserService.update_user),
)
async def update_user(
    uuid: UUID, changes: Profile, actor: CurrentActor, users: Users, version: ExpectedVersion
) -> UserDTO:
    """Take over the fields that are sent, as a JSON merge patch (RFC 7396); the others stay as they are."""
    return await users.update_user(actor, uuid, changes, expected_version=version)
