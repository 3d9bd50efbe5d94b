import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from dotenv import dotenv_values

from src.app.config.settings import Settings
from src.local.environment import SettingError, Sources, plan_ports, plan_secrets, plan_servers
from src.local.ports import free_port
from src.local.servers import Noida, PostgreSQL, RabbitMQ, Valkey


def sources(**user: str) -> Sources:
    return Sources(user=user, kept={}, remembered={})


@contextmanager
def somebody_answers(port: int = 0) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", port)) as server:
        yield server.getsockname()[1]


@contextmanager
def nobody_gets(port: int) -> Iterator[None]:
    """Take a port, if it is not taken anyway."""
    with socket.socket() as server:
        with suppress(OSError):
            server.bind(("127.0.0.1", port))
            server.listen()
        yield


class TestServersOfTheUser:
    def test_what_is_absent_is_embedded_at_a_free_port_with_a_secret_of_its_own(self, tmp_path: Path) -> None:
        plan = plan_servers(tmp_path, sources())
        other = plan_servers(tmp_path, sources())

        assert set(plan.servers) == {"postgresql", "valkey"}
        assert plan.variables["DB_PASSWORD"] != other.variables["DB_PASSWORD"]

    def test_a_local_address_where_nobody_answers_is_embedded_there_with_these_credentials(
        self, tmp_path: Path
    ) -> None:
        database, cache, broker = free_port(), free_port(), free_port()
        plan = plan_servers(
            tmp_path,
            sources(
                DB_HOST="127.0.0.1",
                DB_PORT=str(database),
                DB_NAME="proto",
                DB_USER="dev",
                DB_PASSWORD="dev",
                REDIS_URL=f"redis://127.0.0.1:{cache}/0",
                MESSAGE_BROKER_URL=f"amqp://dev:dev@127.0.0.1:{broker}",
            ),
        )

        postgresql, valkey, rabbitmq = (plan.servers[name] for name in ("postgresql", "valkey", "rabbitmq"))
        assert isinstance(postgresql, PostgreSQL)
        assert postgresql.url == f"postgresql://dev:dev@127.0.0.1:{database}/proto"
        assert isinstance(valkey, Valkey)
        assert valkey.url == f"redis://127.0.0.1:{cache}/0"
        assert isinstance(rabbitmq, RabbitMQ)
        assert rabbitmq.url == f"amqp://dev:dev@127.0.0.1:{broker}/"

    def test_who_answers_is_used_as_it_is(self, tmp_path: Path) -> None:
        with somebody_answers() as port:
            plan = plan_servers(tmp_path, sources(DB_PORT=str(port), REDIS_URL=f"redis://localhost:{port}/3"))

        assert not plan.servers
        assert plan.variables["DB_PORT"] == str(port)
        assert plan.variables["CELERY_BROKER_URL"] == f"redis://localhost:{port}/11"
        assert plan.variables["CELERY_RESULT_BACKEND"] == f"redis://localhost:{port}/12"

    def test_another_machine_that_does_not_answer_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(SettingError, match=r"DB_HOST: nobody answers at db.invalid:5432"):
            plan_servers(tmp_path, sources(DB_HOST="db.invalid"))

    def test_variables_that_name_one_address_make_one_server(self, tmp_path: Path) -> None:
        url = f"redis://127.0.0.1:{free_port()}"

        plan = plan_servers(
            tmp_path, sources(REDIS_URL=f"{url}/0", CELERY_BROKER_URL=f"{url}/5", MESSAGE_BROKER_URL=f"{url}/1")
        )

        assert list(plan.servers) == ["postgresql", "valkey"]

    def test_a_second_redis_has_data_of_its_own(self, tmp_path: Path) -> None:
        port = free_port()

        plan = plan_servers(tmp_path, sources(CELERY_BROKER_URL=f"redis://127.0.0.1:{port}/0"))

        assert plan.servers["valkey"].folder != plan.servers[f"valkey-{port}"].folder

    def test_a_port_that_is_none_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(SettingError, match="DB_PORT: 'high' is not a port"):
            plan_servers(tmp_path, sources(DB_PORT="high"))


class TestTransport:
    def test_it_follows_the_scheme(self, tmp_path: Path) -> None:
        plan = plan_servers(tmp_path, sources(MESSAGE_BROKER_URL=f"kafka://127.0.0.1:{free_port()}"))

        assert isinstance(plan.servers["noida"], Noida)

    def test_the_option_counts_above_the_variable(self, tmp_path: Path) -> None:
        user = sources(MESSAGE_BROKER_URL=f"amqp://dev:dev@127.0.0.1:{free_port()}")

        plan = plan_servers(tmp_path, user, "redis")

        assert plan.variables["MESSAGE_BROKER_URL"] == plan.variables["REDIS_URL"]
        assert "rabbitmq" not in plan.servers

    def test_the_option_keeps_a_variable_that_agrees(self, tmp_path: Path) -> None:
        url = f"amqp://dev:dev@127.0.0.1:{free_port()}"

        plan = plan_servers(tmp_path, sources(MESSAGE_BROKER_URL=url), "rabbitmq")

        assert plan.variables["MESSAGE_BROKER_URL"] == url


class TestPorts:
    def test_one_that_is_taken_is_replaced_and_a_line_says_so(self, tmp_path: Path) -> None:
        plan = plan_servers(tmp_path, sources())
        with nobody_gets(8081):
            plan_ports(plan, sources())

        port = plan.variables["API_PORT"]
        assert port != "8081"
        assert plan.replaced["API_PORT"] == f"8081 is taken, so REST is at {port}"

    def test_a_replacement_is_kept_only_while_the_default_is_taken(self, tmp_path: Path) -> None:
        replacement = free_port()
        earlier = Sources(user={}, kept={}, remembered={"GRPC_PORT": str(replacement)})
        while_taken, after = plan_servers(tmp_path, earlier), plan_servers(tmp_path, earlier)

        with nobody_gets(50051):
            plan_ports(while_taken, earlier)
        if free_port(50051) != 50051:
            # Another worker of this run may have chosen it too, and keeps it to its end.
            pytest.skip("Somebody else has port 50051 here, so this test did not run")
        plan_ports(after, earlier)

        assert while_taken.variables["GRPC_PORT"] == str(replacement)
        assert after.variables["GRPC_PORT"] == "50051"
        assert "GRPC_PORT" not in after.replaced

    def test_one_that_the_user_chose_is_never_changed(self, tmp_path: Path) -> None:
        plan = plan_servers(tmp_path, sources())

        with somebody_answers() as taken, pytest.raises(SettingError, match=f"API_PORT: port {taken} is taken"):
            plan_ports(plan, sources(API_PORT=str(taken)))

    def test_a_remembered_one_gives_way_to_a_stranger(self, tmp_path: Path) -> None:
        with somebody_answers() as taken:
            plan = plan_servers(tmp_path, Sources(user={}, kept={}, remembered={"DB_PORT": str(taken)}))

        assert plan.variables["DB_PORT"] != str(taken)


class TestTheTimeToStop:
    def test_it_is_that_of_the_settings(self, tmp_path: Path) -> None:
        assert (
            plan_servers(tmp_path, sources()).shutdown_timeout == Settings.model_fields["SHUTDOWN_TIMEOUT"].default
        )
        assert plan_servers(tmp_path, sources(SHUTDOWN_TIMEOUT="7.5")).shutdown_timeout == 7.5

    def test_one_that_is_no_number_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(SettingError, match="SHUTDOWN_TIMEOUT: 'long' is not a number of seconds"):
            plan_servers(tmp_path, sources(SHUTDOWN_TIMEOUT="long"))


class TestEnvironmentFile:
    def test_the_next_start_uses_the_same(self, tmp_path: Path) -> None:
        plan = plan_servers(tmp_path, sources())
        plan_secrets(plan, sources())
        plan_ports(plan, sources())
        plan.write(sources())

        remembered = Sources.read(tmp_path, kept={})
        again = plan_servers(tmp_path, remembered)
        plan_secrets(again, remembered)
        plan_ports(again, remembered)

        assert again.variables == plan.variables

    def test_only_the_owner_reads_it(self, tmp_path: Path) -> None:
        plan_servers(tmp_path, sources()).write(sources())

        assert stat.S_IMODE((tmp_path / ".local" / "env").stat().st_mode) == 0o600

    def test_what_the_user_set_is_not_in_it(self, tmp_path: Path) -> None:
        user = sources(DB_NAME="mine")

        plan_servers(tmp_path, user).write(user)

        assert "DB_NAME" not in dotenv_values(tmp_path / ".local" / "env")

    def test_an_empty_variable_counts_as_absent(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / ".env").write_text("DB_NAME=from_file\nDB_USER=\n")
        monkeypatch.setattr(os, "environ", {"DB_NAME": ""})

        read = Sources.read(tmp_path, kept={})

        assert read.user == {"DB_NAME": "from_file"}

    @pytest.mark.parametrize("value", ["it's", "back\\slash", 'with "quotes"', "a # b", "$HOME"])
    def test_any_secret_comes_back_as_it_was(self, value: str, tmp_path: Path) -> None:
        plan = plan_servers(tmp_path, sources())
        plan.variables["SUPERADMIN_PASSWORD"] = value

        plan.write(sources())

        assert dotenv_values(tmp_path / ".local" / "env")["SUPERADMIN_PASSWORD"] == value
