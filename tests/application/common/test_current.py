import pytest

from src.app.application.common.current import Current


class TestCurrent:
    def test_before_a_process_has_started_it_says_so(self) -> None:
        with pytest.raises(RuntimeError, match=r"No broker .* enter bootstrap\(settings\) first"):
            Current[str]("broker").get()

    def test_the_one_before_comes_back(self) -> None:
        current = Current[str]("broker")

        with current.use("outer"), current.use("inner"):
            assert current.get() == "inner"

        with current.use("outer"):
            with pytest.raises(ZeroDivisionError), current.use("inner"):
                raise ZeroDivisionError
            assert current.get() == "outer"
