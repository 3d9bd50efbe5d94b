"""The errors of use cases are declared, and what they declare is what they let out."""

import pytest

from src.app.application.common.raises import errors_of, raises
from src.app.application.services.auth_service import AppAuthService
from src.app.application.services.common_service import AppCommonService
from src.app.application.services.mail_service import AppMailService
from src.app.application.services.users_service import AppUserService
from src.app.domain.common.exceptions import ConflictError, ExternalServiceError, NotFoundError
from src.app.domain.users.exceptions import EmailTakenError
from tests import declared


class Service:
    @raises(NotFoundError, ConflictError)
    async def refuse(self, error: Exception) -> None:
        raise error


class TestHeld:
    @pytest.mark.parametrize("error", [NotFoundError(), ExternalServiceError("out"), KeyError("no refusal")])
    async def test_what_is_declared_passes(self, error: Exception) -> None:
        with pytest.raises(type(error)):
            await declared.held(Service.refuse)(Service(), error)

        assert declared.undeclared == []

    async def test_what_is_not_is_noted_and_fails_the_test(self) -> None:
        with pytest.raises(EmailTakenError):
            await declared.held(Service.refuse)(Service(), EmailTakenError())

        [noted] = declared.undeclared
        declared.undeclared.clear()
        assert noted.startswith("Service.refuse lets out EmailTakenError")

    def test_what_was_declared_can_be_asked_of_it_still(self) -> None:
        assert errors_of(declared.held(Service.refuse)) == (NotFoundError, ConflictError)


def test_every_use_case_declares_its_errors_and_is_held_to_them() -> None:
    found = [(service, function) for service, _, function in declared.use_cases()]

    assert {AppAuthService, AppMailService, AppUserService} <= {service for service, _ in found}
    for service, function in found:
        if service is not AppCommonService:  # it has no rules: what its table refuses is let out
            assert hasattr(function, "__raises__"), f"{function.__qualname__} declares no errors with @raises"
            assert function.__code__.co_name == "checked", f"{function.__qualname__} is not held"
