from grpc.aio import ServicerContext

from src.app.interfaces.grpc.pb.allium.example.v1 import example_pb2, example_pb2_grpc


class ExampleServicer(example_pb2_grpc.ExampleServiceServicer):
    """The smallest servicer there can be; a new one starts as its copy."""

    async def SayHello(
        self, request: example_pb2.SayHelloRequest, context: ServicerContext
    ) -> example_pb2.SayHelloResponse:
        return example_pb2.SayHelloResponse(greeting=f"Hello, {request.name}")
