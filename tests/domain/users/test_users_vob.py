from datetime import date

import pytest

from src.app.domain.common.exceptions import ValidationError
from src.app.domain.users.services.users_service import DomainUsersService
from src.app.domain.users.value_objects.users_vob import Birthday, FullName


class TestFullName:
    @pytest.mark.parametrize(
        "name", ["Ada Lovelace", "Zoë O'Neill", "Jean-Luc Picard", "Ольга Ладыженская", "李 白"]
    )
    def test_names_of_any_script_are_names(self, name: str) -> None:
        assert str(FullName.split(name)) == name

    @pytest.mark.parametrize("name", ["R2 D2", "<b>Ada</b>", "Ada\x00", "a@b", "A"])
    def test_what_is_no_name_is_refused(self, name: str) -> None:
        with pytest.raises(ValidationError):
            FullName.split(name)

    def test_it_is_split_on_the_first_space(self) -> None:
        assert FullName.split("Ada King Lovelace") == FullName("Ada", "King Lovelace")

    def test_both_names_together_have_at_most_fifty_characters(self) -> None:
        FullName("A" * 24, "B" * 25)

        with pytest.raises(ValidationError, match="2 to 50"):
            FullName("A" * 25, "B" * 25)


class TestBirthday:
    @pytest.mark.parametrize(
        ("on", "age"), [(date(2026, 2, 28), 25), (date(2026, 3, 1), 26), (date(2024, 2, 29), 24)]
    )
    def test_a_year_is_complete_on_the_day_itself(self, on: date, age: int) -> None:
        assert Birthday(date(2000, 2, 29)).age(on=on) == age

    def test_a_user_has_the_minimum_age(self) -> None:
        rules = DomainUsersService(min_age_years=13)

        rules.check_birthday(date(2013, 3, 1), today=date(2026, 3, 1))

        with pytest.raises(ValidationError, match="at least 13"):
            rules.check_birthday(date(2013, 3, 2), today=date(2026, 3, 1))

    def test_nobody_is_born_tomorrow(self) -> None:
        with pytest.raises(ValidationError, match="past"):
            DomainUsersService(min_age_years=0).check_birthday(date(2026, 3, 2), today=date(2026, 3, 1))
