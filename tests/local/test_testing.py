import os
import subprocess
import sys
from pathlib import Path

import pytest

from src.local.servers.postgresql import query
from src.local.testing import LeftOutError, servers_for_tests


@pytest.fixture(autouse=True)
def _outermost(monkeypatch: pytest.MonkeyPatch) -> None:
    # The run that these tests belong to has servers of its own; these tests stand outside of it.
    monkeypatch.setattr(os, "environ", {k: v for k, v in os.environ.items() if not k.startswith("TEST_")})


class TestServersForTests:
    def test_nothing_starts_before_somebody_asks(self, tmp_path: Path) -> None:
        with servers_for_tests(tmp_path / "servers"):
            (own,) = (tmp_path / "servers").iterdir()
            assert list(own.iterdir()) == []

    def test_what_a_killed_run_left_is_removed(self, tmp_path: Path) -> None:
        left = tmp_path / "servers" / "1-1"
        left.mkdir(parents=True)

        with servers_for_tests(tmp_path / "servers"):
            assert not left.exists()

    def test_a_process_below_gets_the_same_server(self, tmp_path: Path) -> None:
        script = (
            "from pathlib import Path; from src.local.testing import servers_for_tests\n"
            "with servers_for_tests(Path('unused')) as addresses: print(addresses.redis_url)"
        )
        with servers_for_tests(tmp_path / "servers") as addresses:
            below = subprocess.run(
                [sys.executable, "-c", script], env=dict(os.environ), capture_output=True, text=True, check=True
            )

            assert below.stdout.strip() == addresses.redis_url

    def test_the_owner_of_the_database_can_sign_in(self, tmp_path: Path) -> None:
        with servers_for_tests(tmp_path / "servers") as addresses:
            assert query(addresses.postgresql, "SELECT 1") == ["1"]

    def test_without_brokers_a_broker_is_left_out(self, tmp_path: Path) -> None:
        with servers_for_tests(tmp_path / "servers", brokers=False) as addresses, pytest.raises(LeftOutError):
            _ = addresses.amqp_url
