from datetime import date

from src.app.domain.common.exceptions import ValidationError
from src.app.domain.users.value_objects.users_vob import Birthday


class DomainUsersService:
    """Rules over a user's values that need something from outside: a policy, today's date."""

    def __init__(self, *, min_age_years: int) -> None:
        self._min_age_years = min_age_years

    def check_birthday(self, birthday: date, *, today: date) -> None:
        if birthday > today:
            raise ValidationError("A birthday lies in the past", field="birthday")
        if Birthday(birthday).age(on=today) < self._min_age_years:
            raise ValidationError(f"A user is at least {self._min_age_years} years old", field="birthday")
