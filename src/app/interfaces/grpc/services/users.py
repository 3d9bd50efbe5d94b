from grpc.aio import ServicerContext

from src.app.application.services.users_service import AppUserService
from src.app.interfaces.grpc.interceptors.authentication import actor_of
from src.app.interfaces.grpc.mapping import to_message, uuid_of
from src.app.interfaces.grpc.pb.allium.users.v1 import users_pb2, users_pb2_grpc


class UsersServicer(users_pb2_grpc.UsersServiceServicer):
    def __init__(self, users: AppUserService) -> None:
        self._users = users

    async def GetUser(self, request: users_pb2.GetUserRequest, context: ServicerContext) -> users_pb2.User:
        user = await self._users.get_user(actor_of(context), uuid_of(request.uuid))
        return to_message(user, users_pb2.User)
