import asyncio

import grpc
import pytest
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from src.app.config.settings import LaunchMode
from src.app.infrastructure.bootstrap import Process
from src.app.interfaces.grpc.server import services_of, serving
from src.app.interfaces.grpc.services.health import MAX_WATCHERS, HealthServicer
from tests.interfaces.grpc.conftest import at_a_free_port

SERVICES = [
    "allium.auth.v1.AuthService",
    "allium.debug.v1.DebugService",
    "allium.example.v1.ExampleService",
    "allium.users.v1.UsersService",
]


class TestHealth:
    @pytest.mark.parametrize("service", ["", *SERVICES])
    async def test_each_service_serves(self, channel: aio.Channel, service: str) -> None:
        answer = await health_pb2_grpc.HealthStub(channel).Check(HealthCheckRequest(service=service))

        assert answer.status == HealthCheckResponse.SERVING

    async def test_a_service_that_is_not_there_is_not_found(self, channel: aio.Channel) -> None:
        with pytest.raises(aio.AioRpcError) as caught:
            await health_pb2_grpc.HealthStub(channel).Check(HealthCheckRequest(service="nobody"))

        assert caught.value.code() is grpc.StatusCode.NOT_FOUND

    async def test_the_list_names_all(self, channel: aio.Channel) -> None:
        answer = await health_pb2_grpc.HealthStub(channel).List(health_pb2.HealthListRequest())

        assert sorted(answer.statuses) == ["", *SERVICES]

    async def test_it_does_not_serve_when_it_cannot(self) -> None:
        health = HealthServicer(["some"])
        health.tell(is_serving=True)
        health.tell(is_serving=False)

        answer = await health.Check(HealthCheckRequest(service="some"), None)

        assert answer.status == HealthCheckResponse.NOT_SERVING

    async def test_a_watcher_hears_the_end_and_does_not_hold_it_up(self, running: Process) -> None:
        told: list[int] = []
        heard = asyncio.Event()

        async def watch(port: int) -> None:
            async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                async for answer in health_pb2_grpc.HealthStub(channel).Watch(HealthCheckRequest()):
                    told.append(answer.status)
                    heard.set()

        async with serving(at_a_free_port(running), services_of(running)) as port:
            watching = asyncio.create_task(watch(port))
            await heard.wait()
            ended = asyncio.get_running_loop().time()
        took = asyncio.get_running_loop().time() - ended
        await watching

        assert told == [HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING]
        assert took < 2

    async def test_many_watchers_leave_place_for_calls(self, running: Process) -> None:
        async def first_answer(channel: aio.Channel) -> aio.AioRpcError | None:
            try:
                async for _ in (call := health_pb2_grpc.HealthStub(channel).Watch(HealthCheckRequest())):
                    watches.append(call)
                    return None
            except aio.AioRpcError as error:
                return error
            return None

        watches: list[aio.Call] = []
        async with (
            serving(at_a_free_port(running), services_of(running)) as port,
            aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            answers = await asyncio.gather(*(first_answer(channel) for _ in range(MAX_WATCHERS + 5)))

            refused = [error.code() for error in answers if error is not None]
            assert refused == [grpc.StatusCode.RESOURCE_EXHAUSTED] * 5
            await health_pb2_grpc.HealthStub(channel).Check(HealthCheckRequest())
            for watch in watches:
                watch.cancel()


async def reflected(port: int | str) -> list[str]:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    address = port if isinstance(port, str) else f"127.0.0.1:{port}"
    async with aio.insecure_channel(address) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        answers = [answer async for answer in stub.ServerReflectionInfo(iter([request]))]
    return sorted(service.name for service in answers[0].list_services_response.service)


class TestReflection:
    async def test_it_lists_the_services(self, address: str) -> None:
        assert await reflected(address) == [
            *SERVICES, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"
        ]  # fmt: skip

    async def test_it_is_off_in_production(self, running: Process) -> None:
        in_production = at_a_free_port(running, LAUNCH_MODE=LaunchMode.PROD)
        async with serving(in_production, services_of(running)) as port:
            with pytest.raises(aio.AioRpcError) as caught:
                await reflected(port)

        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED

    async def test_it_is_on_in_production_when_asked_for(self, running: Process) -> None:
        asked_for = at_a_free_port(running, LAUNCH_MODE=LaunchMode.PROD, GRPC_REFLECTION=True)
        async with serving(asked_for, services_of(running)) as port:
            assert await reflected(port)
