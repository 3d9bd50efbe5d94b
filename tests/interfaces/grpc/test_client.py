import socket

import pytest
from grpc import StatusCode
from grpc.aio import AioRpcError, Metadata

from src.app.application.common.context import request_id
from src.app.application.dto.auth import SignedUpDTO
from src.app.domain.auth.exceptions import TokenExpiredError, TokenInvalidError
from src.app.domain.common.exceptions import (
    AppException,
    ConflictError,
    ExternalServiceError,
    RateLimitedError,
    StaleVersionError,
    ValidationError,
)
from src.app.domain.users.exceptions import EmailTakenError, UserInactiveError
from src.app.interfaces.grpc.client import AlliumClient
from src.app.interfaces.grpc.statuses import error_of, refusal, status_of
from src.app.interfaces.outcomes import OUTCOMES
from tests.interfaces.grpc.trouble import ask


def over_the_wire(status: object) -> AppException:
    """Return what a client makes of a status that a call ended with."""
    trailing = Metadata(("grpc-status-details-bin", status.SerializeToString()))  # type: ignore[attr-defined]
    code = next(code for code in StatusCode if code.value[0] == status.code)  # type: ignore[attr-defined]
    return error_of(AioRpcError(code, Metadata(), trailing, status.message))  # type: ignore[attr-defined]


class TestErrors:
    @pytest.mark.parametrize("kind", [*OUTCOMES, TokenExpiredError, UserInactiveError])
    def test_each_comes_back_as_what_it_was(self, kind: type[AppException]) -> None:
        back = over_the_wire(status_of(kind()))

        assert type(back) is kind
        assert back.message == kind.default_message

    def test_two_kinds_of_one_code_are_told_apart(self) -> None:
        assert type(over_the_wire(status_of(StaleVersionError()))) is StaleVersionError
        assert type(over_the_wire(status_of(ConflictError()))) is ConflictError

    def test_the_details_come_along(self) -> None:
        back = over_the_wire(status_of(ValidationError("Wrong", field="uuid", limit=5)))

        assert {"key": "uuid", "message": "Wrong", "code": "validation_error"} in back.details
        assert {"key": "limit", "value": "5"} in back.details

    def test_a_leaf_without_a_code_of_its_own_comes_back_as_its_kind(self) -> None:
        back = over_the_wire(status_of(EmailTakenError()))

        assert back.code == EmailTakenError.code
        assert back.details == EmailTakenError().details

    def test_it_says_when_to_come_back(self) -> None:
        back = over_the_wire(status_of(RateLimitedError(retry_after=2.5)))

        assert isinstance(back, RateLimitedError)
        assert back.retry_after == 2.5

    def test_a_reason_that_the_client_does_not_know_keeps_its_kind(self) -> None:
        back = over_the_wire(refusal(StatusCode.FAILED_PRECONDITION, "SUBSCRIPTION_NOT_ACTIVE", "It has ended"))

        assert type(back) is ConflictError

    def test_what_it_tells_may_be_called_anything_and_be_no_utf8(self) -> None:
        details = [{"key": key, "value": "\ud800"} for key in ("code", "message", "reason")]

        back = over_the_wire(status_of(ValidationError("\ud800", details)))

        assert {detail["key"]: detail["value"] for detail in back.details} == {
            "code": "?",
            "message": "?",
            "reason": "?",
        }

    def test_long_details_fit_into_the_metadata_that_callers_take(self) -> None:
        details = [{"key": f"field{number}", "message": "ü" * 400} for number in range(200)]

        status = status_of(ValidationError("ü" * 10_000, details))

        assert len(status.SerializeToString()) <= 4 * 1024
        assert len(over_the_wire(status).details) > 1


class TestCalls:
    async def test_a_refused_call_raises_our_error(self, address: str) -> None:
        async with AlliumClient(address, token="garbage") as client:
            with pytest.raises(TokenInvalidError):
                await client.debug.version()

    async def test_the_request_id_is_passed_on(self, client: AlliumClient, ada: SignedUpDTO) -> None:
        found = []

        async def stub(request: object, *, timeout: float, metadata: tuple[tuple[str, str], ...]) -> None:
            found.append(dict(metadata)["x-request-id"])

        request_id.set("order-4711")
        await client.users._call(stub, None)

        assert found == ["order-4711"]

    async def test_nobody_at_the_address_is_an_external_failure(self) -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            async with AlliumClient(f"127.0.0.1:{closed.getsockname()[1]}") as client:
                with pytest.raises(ExternalServiceError, match="Allium"):
                    await client.debug.ping()

    async def test_an_unexpected_failure_over_there_is_an_external_failure(
        self, client: AlliumClient, ada: SignedUpDTO
    ) -> None:
        metadata = (("authorization", f"Bearer {ada.access}"),)
        with pytest.raises(AioRpcError) as caught:
            await ask(client._channel, "unary_unary", "unexpected", metadata=metadata)

        error = error_of(caught.value)
        assert type(error) is ExternalServiceError
        assert {"key": "grpc_code", "value": "INTERNAL"} in error.details
