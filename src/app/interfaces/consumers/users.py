"""What producers tell us of users."""

from uuid import UUID

from src.app.application.common.actor import Actor
from src.app.application.common.dto import Payload
from src.app.application.container import Container
from src.app.application.dto.users import NewUser, Profile


class CreateUser(NewUser, extra="ignore"):
    """`user.create`: a user that another system has; unknown fields are ignored."""


class UpdateUser(Profile, extra="ignore"):
    """`user.update`: the fields that changed."""

    uuid: UUID


class DeactivateUser(Payload):
    """`user.deactivate`."""

    uuid: UUID


async def create_user(payload: CreateUser, container: Container) -> None:
    await container.users_service.create_user_by_email(payload)


async def update_user(payload: UpdateUser, container: Container) -> None:
    await container.users_service.update_user(Actor.system(), payload.uuid, payload)


async def deactivate_user(payload: DeactivateUser, container: Container) -> None:
    await container.users_service.deactivate_user(Actor.system(), payload.uuid)
