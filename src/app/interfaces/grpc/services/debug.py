from grpc.aio import ServicerContext

from src.app.interfaces.grpc.pb.allium.debug.v1 import debug_pb2, debug_pb2_grpc
from src.app.interfaces.version import VERSION


class DebugServicer(debug_pb2_grpc.DebugServiceServicer):
    def __init__(self, *, name: str, mode: str) -> None:
        self._version = debug_pb2.VersionResponse(name=name, version=VERSION, mode=mode)

    async def Ping(self, request: debug_pb2.PingRequest, context: ServicerContext) -> debug_pb2.PingResponse:
        return debug_pb2.PingResponse(message="pong")

    async def Echo(self, request: debug_pb2.EchoRequest, context: ServicerContext) -> debug_pb2.EchoResponse:
        return debug_pb2.EchoResponse(message=request.message)

    async def Version(
        self, request: debug_pb2.VersionRequest, context: ServicerContext
    ) -> debug_pb2.VersionResponse:
        return self._version
