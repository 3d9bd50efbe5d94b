import pytest

from src.app.domain.auth.services.auth_service import DomainAuthService
from src.app.domain.common.contact import Email
from src.app.domain.common.exceptions import ValidationError

EMAIL = Email("ada.lovelace@example.com")
LENGTH = DomainAuthService(common_passwords={"password1"}, strong_passwords=False)
STRONG = DomainAuthService(common_passwords=(), strong_passwords=True)


class TestCheckPassword:
    @pytest.mark.parametrize(
        "password", ["a" * 7, "a" * 129, "password1", "PassWord1", "Ada.Lovelace@example.com"]
    )
    def test_what_is_guessed_first_is_refused(self, password: str) -> None:
        with pytest.raises(ValidationError):
            LENGTH.check_password(password, email=EMAIL)

    @pytest.mark.parametrize("password", ["eight ch", "ünïcödé pass", "x" * 128])
    def test_length_is_all_that_is_asked_for(self, password: str) -> None:
        LENGTH.check_password(password, email=EMAIL)

    @pytest.mark.parametrize("password", ["lowercase1!", "UPPERCASE1!", "NoDigits!!", "NoSpecial11"])
    def test_the_strong_policy_asks_for_every_kind(self, password: str) -> None:
        STRONG.check_password("Every1!kind", email=EMAIL)

        with pytest.raises(ValidationError, match="upper and a lower"):
            STRONG.check_password(password, email=EMAIL)
