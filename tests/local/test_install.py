import sys
from pathlib import Path

import pytest

from src.local.install import LOCKS, InstallError, install


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose lock is empty, so that nothing has to be fetched but the installer."""
    locks = tmp_path / ".launch" / "locks"
    locks.mkdir(parents=True)
    for name in LOCKS:
        (locks / f"{name}.txt").write_text("")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "service.py").write_text("answer = 42\n")
    return tmp_path


class TestInstall:
    def test_a_half_made_environment_is_made_again(self, checkout: Path) -> None:
        broken = checkout / ".venv" / "bin" / "python"
        broken.parent.mkdir(parents=True)
        broken.symlink_to("/nowhere/python3")

        python = install("local", root=checkout)

        assert python.resolve().exists()

    def test_the_sources_are_compiled_before_the_first_start(self, checkout: Path) -> None:
        install("local", root=checkout)

        assert list((checkout / "src" / "__pycache__").glob("service.*.pyc"))

    @pytest.mark.parametrize("name", LOCKS)
    def test_a_second_time_it_does_nothing_also_where_less_is_needed(
        self, checkout: Path, capsys: pytest.CaptureFixture[str], name: str
    ) -> None:
        install(name, root=checkout)
        capsys.readouterr()

        for smaller in LOCKS[: LOCKS.index(name) + 1]:
            install(smaller, root=checkout)

        assert capsys.readouterr().out == ""

    def test_what_more_needs_is_added(self, checkout: Path) -> None:
        install("dev", root=checkout)

        install("benchmarks", root=checkout)

        assert (checkout / ".venv" / "installed").read_text().startswith("benchmarks ")

    def test_where_debian_leaves_venv_out_one_line_names_the_package(
        self, checkout: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "ensurepip", None)

        with pytest.raises(InstallError, match=r"apt-get install python3\.\d+-venv$"):
            install("local", root=checkout)
