import pytest

from src.local.progress import step
from src.local.signals import StopRequestedError


class TestStep:
    @pytest.mark.parametrize("stop", [StopRequestedError, KeyboardInterrupt])
    def test_who_asks_to_stop_has_not_given_anything_up(
        self, stop: type[BaseException], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(stop), step("servers"):
            raise stop

        assert capsys.readouterr().out == "  servers      stopped\n"

    def test_what_failed_says_how_long_it_took(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(OSError), step("servers"):  # noqa: PT011 - any error will do
            raise OSError

        assert capsys.readouterr().out == "  servers      given up after 0.0 s\n"
