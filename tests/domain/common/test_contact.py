import pytest

from src.app.domain.common.contact import Email, Phone
from src.app.domain.common.exceptions import ValidationError


class TestEmail:
    def test_it_knows_its_domain(self) -> None:
        assert Email("ada@mail.example.com").domain() == "mail.example.com"
        assert str(Email("ada@example.com")) == "ada@example.com"

    @pytest.mark.parametrize(
        "text",
        ["", "ada", "ada@", "@example.com", "ada@example", "Ada@example.com", "a b@example.com", "a@b@example.com",
         "ada@exa\x00mple.com", "ada@example.com\n", f"{'a' * 65}@example.com", f"a@{'b' * 250}.com"],
    )  # fmt: skip
    def test_what_is_no_normalised_address_is_refused(self, text: str) -> None:
        with pytest.raises(ValidationError):
            Email(text)


class TestPhone:
    def test_it_is_in_international_form(self) -> None:
        assert str(Phone("+442079460958")) == "+442079460958"

    @pytest.mark.parametrize(
        "text", ["", "442079460958", "+0123456789", "+44 20 7946 0958", "+12345", "+" + "1" * 16]
    )
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(ValidationError):
            Phone(text)
