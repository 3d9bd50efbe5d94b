"""What a command takes is what the document says: no number for a day, no word for a truth."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from src.app.application.dto.users import Profile, SignUp
from tests.builders.users import PASSWORD, an_email


class TestADay:
    @pytest.mark.parametrize("given", ["1990-12-10", date(1990, 12, 10)])
    def test_is_text_or_a_date(self, given: Any) -> None:
        assert Profile.model_validate({"birthday": given}).birthday == date(1990, 12, 10)

    @pytest.mark.parametrize("given", [0, 631152000, "631152000", True, "1990-12-10T00:00:00", "19901210", []])
    def test_is_nothing_else(self, given: Any) -> None:
        with pytest.raises(ValidationError, match="YYYY-MM-DD"):
            Profile.model_validate({"birthday": given})


class TestATruth:
    @pytest.mark.parametrize("given", ["true", "yes", 1, None])
    def test_is_no_word_and_no_number(self, given: Any) -> None:
        with pytest.raises(ValidationError, match="valid boolean"):
            SignUp.model_validate({"email": an_email(), "password": PASSWORD, "issue_tokens": given})
