import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from dotenv import dotenv_values

from src.local.ports import free_port
from src.local.processes import ProcessIdentity
from src.local.servers import PostgreSQL
from src.local.servers.postgresql import query
from tests.local.checkout import Launched, eventually


def database(root: Path) -> dict[str, str]:
    return {name: value or "" for name, value in dotenv_values(root / ".local" / "env").items()}


class TestStart:
    def test_what_the_state_names_is_there(self, tmp_path: Path) -> None:
        with Launched(tmp_path) as launched:
            state = launched.ready()

            assert set(state.identities) == {"postgresql", "valkey", "api", "relay"}
            assert query(database(tmp_path), "SELECT 1") == ["1"]
            assert "Ready in" in launched.said()
            assert state.values["superadmin"]["password"] in launched.said()

    def test_what_a_program_says_is_shown_with_its_name(self, tmp_path: Path) -> None:
        with Launched(tmp_path) as launched:
            launched.ready()

            eventually(lambda: "relay | I beat" in launched.said())

    def test_files_with_secrets_are_for_the_owner_only(self, tmp_path: Path) -> None:
        with Launched(tmp_path) as launched:
            launched.ready()

            modes = {name: (tmp_path / ".local" / name).stat().st_mode for name in ("env", "run.json")}

        assert {name: stat.S_IMODE(mode) for name, mode in modes.items()} == {"env": 0o600, "run.json": 0o600}

    def test_a_second_one_in_the_same_checkout_says_so_and_ends(self, tmp_path: Path) -> None:
        with Launched(tmp_path) as first:
            state = first.ready()
            with Launched(tmp_path) as second:
                assert second.wait() == 1

            assert second.said().splitlines() == [
                "local_run.sh runs here already; stop that one first, by Ctrl-C in its terminal."
            ]
            assert all(identity.is_alive() for identity in state.identities.values())

    def test_two_checkouts_do_not_meet(self, tmp_path: Path) -> None:
        with Launched(tmp_path / "one") as one:
            first = one.ready().values
            with Launched(tmp_path / "two") as two:
                second = two.ready().values

        assert first["api_url"] != second["api_url"]
        assert first["database_url"] != second["database_url"]
        assert first["redis_url"] != second["redis_url"]

    def test_what_has_not_changed_is_not_prepared_again(self, tmp_path: Path) -> None:
        with Launched(tmp_path) as launched:
            launched.ready()
        with Launched(tmp_path) as again:
            again.ready()

        assert "migrate" in launched.said()
        assert "migrate" not in again.said()

    def test_a_preparation_that_fails_is_named_with_its_last_lines(self, tmp_path: Path) -> None:
        with Launched(tmp_path, "--prepare", "raise SystemExit('no such column')") as launched:
            status = launched.wait()

        assert status == 1
        assert "migrate ended with status 1" in launched.said()
        assert "no such column" in launched.said()

    def test_recreate_begins_with_empty_data_and_no_mail(self, tmp_path: Path) -> None:
        with Launched(tmp_path) as launched:
            launched.ready()
            query(database(tmp_path), "CREATE TABLE old ()")
        mail = tmp_path / ".local" / "mail" / "old.eml"
        mail.parent.mkdir()
        mail.touch()
        with Launched(tmp_path, "--recreate") as again:
            again.ready()

            assert query(database(tmp_path), "SELECT to_regclass('old') IS NULL") == ["t"]
            assert not mail.exists()

    def test_a_port_that_was_taken_is_named_with_its_replacement(self, tmp_path: Path) -> None:
        with Launched(tmp_path / "one") as one:
            one.ready()
            with Launched(tmp_path / "two") as two:
                port = urlsplit(two.ready().values["api_url"]).port

        assert f"8081 is taken, so REST is at {port}" in two.said()


class TestServersThatAnswer:
    def test_a_foreign_server_is_used_and_left_alone(self, tmp_path: Path) -> None:
        with PostgreSQL(tmp_path / "foreign", name="proto", user="dev", password="dev") as foreign:
            (tmp_path / "checkout").mkdir()
            (tmp_path / "checkout" / ".env").write_text(
                f"DB_HOST=127.0.0.1\nDB_PORT={foreign.port}\nDB_NAME=proto\nDB_USER=dev\nDB_PASSWORD=dev\n"
            )
            with Launched(tmp_path / "checkout") as launched:
                state = launched.ready()

            assert state.values["database_url"] == foreign.url
            assert "postgresql" not in state.values["processes"]
            assert foreign.is_running()

    def test_one_that_the_user_names_is_brought_to_life_there(self, tmp_path: Path) -> None:
        port, cache = free_port(), free_port()
        (tmp_path / ".env").write_text(
            f"DB_HOST=127.0.0.1\nDB_PORT={port}\nDB_NAME=proto\nDB_USER=dev\nDB_PASSWORD=dev\n"
            f"REDIS_URL=redis://127.0.0.1:{cache}/0\n"
        )

        with Launched(tmp_path) as launched:
            state = launched.ready()

        assert state.values["database_url"] == f"postgresql://dev:dev@127.0.0.1:{port}/proto"
        assert state.values["redis_url"] == f"redis://127.0.0.1:{cache}/0"


class TestStop:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_all_that_was_started_ends_and_the_state_goes(self, number: signal.Signals, tmp_path: Path) -> None:
        with Launched(tmp_path) as launched:
            state = launched.ready()

            status = launched.end(number)

        assert status == 0
        assert not any(identity.remains() for identity in state.identities.values())
        assert not (tmp_path / ".local" / "run.json").exists()

    def test_nothing_else_ends(self, tmp_path: Path) -> None:
        bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])

        with Launched(tmp_path) as launched:
            launched.ready()

        assert bystander.poll() is None
        bystander.kill()
        bystander.wait()

    def test_during_the_start_it_is_told_as_what_it_is(self, tmp_path: Path) -> None:
        with Launched(tmp_path, "--prepare", "import time; time.sleep(600)") as launched:
            eventually(lambda: "migrate" in launched.said())

            status = launched.end(signal.SIGINT)

        assert status == 0
        assert "migrate      stopped" in launched.said()

    def test_who_hangs_is_given_the_time_of_the_settings(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("SHUTDOWN_TIMEOUT=0.1\n")
        with Launched(tmp_path, "relay=hang") as launched:
            launched.ready()
            began = time.monotonic()
            launched.end()

        assert 5 < time.monotonic() - began < 15

    def test_a_second_signal_does_not_wait_for_who_hangs(self, tmp_path: Path) -> None:
        with Launched(tmp_path, "relay=hang") as launched:
            state = launched.ready()
            launched.process.send_signal(signal.SIGINT)
            eventually(lambda: "Stopping" in launched.said())

            launched.end(signal.SIGINT)

        assert not any(identity.remains() for identity in state.identities.values())


class TestDeath:
    def test_a_program_that_dies_is_named_with_its_last_lines_and_the_rest_stops(self, tmp_path: Path) -> None:
        with Launched(tmp_path, "api=serve", "relay=die") as launched:
            state = launched.ready()
            status = launched.wait()

        assert status == 1
        assert "relay ended with status 1" in launched.said()
        assert "I cannot go on" in launched.said()
        assert not any(identity.remains() for identity in state.identities.values())

    def test_so_is_a_server(self, tmp_path: Path) -> None:
        with Launched(tmp_path) as launched:
            state = launched.ready()
            os.kill(state.identities["postgresql"].pid, signal.SIGKILL)

            assert launched.wait() == 1

        assert "postgresql ended" in launched.said()

    def test_a_killed_launcher_takes_its_children_along_and_loses_nothing(self, tmp_path: Path) -> None:
        with Launched(tmp_path) as launched:
            state = launched.ready()
            query(database(tmp_path), "CREATE TABLE kept AS SELECT 'still here' AS word")
            launched.process.kill()
            launched.wait()

        with Launched(tmp_path) as again:
            after = again.ready()

            assert query(database(tmp_path), "SELECT word FROM kept") == ["still here"]
            assert after.values["database_url"] == state.values["database_url"]
        assert not any(identity.remains() for identity in state.identities.values())

    def test_an_orphan_that_hangs_is_ended_by_the_next_start(self, tmp_path: Path) -> None:
        with Launched(tmp_path, "relay=hang") as launched:
            orphan = launched.ready().identities["relay"]
            launched.process.kill()
            launched.wait()
        assert orphan.is_alive()

        with Launched(tmp_path) as again:
            again.ready()

            assert not orphan.is_alive()

    def test_a_process_that_only_has_the_number_of_an_orphan_is_left_alone(self, tmp_path: Path) -> None:
        with subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
        ) as stranger:
            identity = ProcessIdentity.of(stranger.pid)
            assert identity is not None
            (tmp_path / ".local").mkdir()
            (tmp_path / ".local" / "run.processes").write_text(f"[[{stranger.pid}, {identity.started - 1}]]")

            with Launched(tmp_path) as launched:
                launched.ready()

            assert stranger.poll() is None
            stranger.kill()
