from grpc.aio import ServicerContext

from src.app.application.services.auth_service import AppAuthService
from src.app.interfaces.grpc.mapping import to_message
from src.app.interfaces.grpc.pb.allium.auth.v1 import auth_pb2, auth_pb2_grpc


class AuthServicer(auth_pb2_grpc.AuthServiceServicer):
    def __init__(self, auth: AppAuthService) -> None:
        self._auth = auth

    async def VerifyToken(
        self, request: auth_pb2.VerifyTokenRequest, context: ServicerContext
    ) -> auth_pb2.VerifyTokenResponse:
        verified = await self._auth.verify_token(request.token)
        return to_message(verified, auth_pb2.VerifyTokenResponse)
