import subprocess
import sys

import pytest

from src.local.ports import free_port, is_this_machine


class TestFreePort:
    def test_two_processes_that_start_together_do_not_choose_the_same(self) -> None:
        mine = free_port()

        command = [sys.executable, "-c", f"from src.local.ports import free_port; print(free_port({mine}))"]
        theirs = subprocess.run(command, capture_output=True, text=True, check=True)

        assert int(theirs.stdout) != mine

    def test_a_preferred_one_can_be_had_again(self) -> None:
        port = free_port()

        assert free_port(port) == port


class TestThisMachine:
    @pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
    def test_loopback_is(self, host: str) -> None:
        assert is_this_machine(host)

    @pytest.mark.parametrize("host", ["db.example.com", "10.0.0.1", "0.0.0.0", "postgres"])
    def test_a_name_or_address_that_others_could_serve_is_not(self, host: str) -> None:
        assert not is_this_machine(host)
