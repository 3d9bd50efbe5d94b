import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from dotenv import dotenv_values

from src.local import keeper
from src.local.servers.postgresql import query
from tests.local.checkout import Launched

_SOURCES = Path(__file__).resolve().parents[2] / "src"


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A folder with the launcher in it; what it keeps is ended with the test."""
    # On a path without apt-get and epmd there is no RabbitMQ, which takes long to start.
    (tmp_path / "bin").mkdir()
    for tool in ("test", "unshare"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or "")
    (tmp_path / "src").mkdir()
    shutil.copytree(_SOURCES / "local", tmp_path / "src" / "local")
    yield tmp_path
    keeper.stop(tmp_path)


def prepare(checkout: Path, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "src.local", "prepare", *options],
        cwd=checkout,
        env={**os.environ, "PATH": str(checkout / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def settings(checkout: Path) -> dict[str, str]:
    return {name: value or "" for name, value in dotenv_values(checkout / ".local" / "env").items()}


class TestPrepare:
    def test_it_returns_and_the_servers_go_on(self, checkout: Path) -> None:
        said = prepare(checkout)

        assert query(settings(checkout), "SELECT 1") == ["1"]
        assert settings(checkout)["DB_PORT"] in said

    def test_again_is_harmless(self, checkout: Path) -> None:
        prepare(checkout)
        before = keeper.kept(checkout)

        said = prepare(checkout)

        assert "run already" in said
        assert keeper.kept(checkout) == before

    def test_what_cannot_be_had_is_one_clear_line(self, checkout: Path) -> None:
        lines = prepare(checkout).splitlines()

        (line,) = [line for line in lines if "RabbitMQ" in line]
        assert line.startswith("Without RabbitMQ: ")
        assert line.endswith("apt-get install -y --no-install-recommends rabbitmq-server")

    def test_data_survives_stop_and_goes_with_recreate(self, checkout: Path) -> None:
        prepare(checkout)
        query(settings(checkout), "CREATE TABLE kept ()")

        prepare(checkout, "--stop")
        prepare(checkout)
        assert query(settings(checkout), "SELECT to_regclass('kept')") == ["kept"]

        prepare(checkout, "--recreate")
        assert query(settings(checkout), "SELECT to_regclass('kept')") == [""]

    def test_a_run_uses_what_is_kept_and_leaves_it_alone(self, checkout: Path) -> None:
        prepare(checkout)

        with Launched(checkout) as launched:
            state = launched.ready()

        assert set(state.values["processes"]) == {"api", "relay"}
        assert f":{settings(checkout)['DB_PORT']}/" in state.values["database_url"]
        assert query(settings(checkout), "SELECT 1") == ["1"]

    def test_while_a_run_has_the_servers_nothing_is_started(self, checkout: Path) -> None:
        with Launched(checkout) as launched:
            launched.ready()

            said = prepare(checkout)

        assert said.splitlines() == ["local_run.sh runs the servers here; they end with it."]
