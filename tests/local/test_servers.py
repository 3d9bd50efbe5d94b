import asyncio
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import aio_pika
import pytest
import redis

from src.local.ports import free_port
from src.local.servers import Noida, PostgreSQL, RabbitMQ, ServerError, Tansu, Valkey
from src.local.servers.rabbitmq import is_installed

needs_rabbitmq = pytest.mark.skipif(
    os.environ.get("TEST_WITHOUT_BROKERS", "") not in ("", "0") and not is_installed(),
    reason="a run without brokers",
)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of the machine may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


class TestPostgreSQL:
    def test_rows_survive_a_kill(self, tmp_path: Path) -> None:
        with PostgreSQL(tmp_path / "data") as server:
            server.query("CREATE TABLE kept AS SELECT 'still here' AS word")

            server.kill()
            server.start()

            assert server.query("SELECT word FROM kept") == ["still here"]

    def test_the_owner_is_no_superuser_but_may_make_databases(self, tmp_path: Path) -> None:
        with PostgreSQL(tmp_path / "data") as server:
            rights = server.query("SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user")

        assert rights == ["f|t"]

    def test_nobody_signs_in_with_a_wrong_password(self, tmp_path: Path) -> None:
        with PostgreSQL(tmp_path / "data", password="right") as server:
            server.password = "wrong"

            with pytest.raises(ServerError, match="password authentication failed"):
                server.query("SELECT 1")

    def test_other_credentials_count_on_old_data(self, tmp_path: Path) -> None:
        with PostgreSQL(tmp_path / "data"):
            pass

        changed = PostgreSQL(tmp_path / "data", name="my data", user='o"brien', password="it's \\ 50%\n")
        with changed as server:
            assert server.query("SELECT current_database(), current_user") == ['my data|o"brien']

    def test_a_lock_whose_number_belongs_to_a_stranger_now_is_no_obstacle(self, tmp_path: Path) -> None:
        server = PostgreSQL(tmp_path / "data")
        with server:
            server.kill()
        lock = tmp_path / "data" / "cluster" / "postmaster.pid"
        stranger = str(os.getppid())
        lock.write_text("\n".join([stranger, *lock.read_text().splitlines()[1:]]) + "\n")

        with server:
            assert server.query("SELECT 1") == ["1"]

    def test_two_do_not_share_data(self, tmp_path: Path) -> None:
        with PostgreSQL(tmp_path / "data"), pytest.raises(ServerError, match="lock file"):
            PostgreSQL(tmp_path / "data").start()

    @pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has no choice")
    def test_as_root_it_runs_as_nobody_where_nobody_may_enter(self, open_folder: Path) -> None:
        with PostgreSQL(open_folder / "data") as server:
            (identity,) = server.identities
            owner = Path(f"/proc/{identity.pid}").stat().st_uid

            assert owner != 0 or not _nobody_reaches(Path(sys.prefix))
            assert server.query("SELECT 1") == ["1"]

    @pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has no choice")
    def test_as_root_in_a_closed_folder_it_opens_nothing(self, open_folder: Path) -> None:
        closed = open_folder / "closed"
        closed.mkdir(0o700)

        with PostgreSQL(closed / "data") as server:
            assert server.query("SELECT 1") == ["1"]

        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert closed.stat().st_uid == 0


class TestValkey:
    def test_keys_survive_a_kill(self, tmp_path: Path) -> None:
        with Valkey(tmp_path / "data", password='with "quotes" \\ and spaces') as server:
            redis.from_url(server.url).set("word", "still here")

            server.kill()
            server.start()

            assert redis.from_url(server.url).get("word") == b"still here"

    def test_a_named_user_signs_in_and_nobody_else(self, tmp_path: Path) -> None:
        with Valkey(tmp_path / "data", user="dev", password="dev") as server:
            assert redis.from_url(server.url).ping()

            with pytest.raises(redis.AuthenticationError):
                redis.from_url(f"redis://{server.host}:{server.port}/0").ping()

    def test_a_port_that_is_taken_is_named(self, tmp_path: Path) -> None:
        with Valkey(tmp_path / "one") as first:
            second = Valkey(tmp_path / "two", port=first.port)

            with pytest.raises(ServerError, match=f"Valkey: port {first.port} is taken"):
                second.start()


@needs_rabbitmq
class TestRabbitMQ:
    async def test_messages_survive_a_kill_and_a_new_password_counts(self, tmp_path: Path) -> None:
        with RabbitMQ(tmp_path / "data", password="old") as server:
            async with await aio_pika.connect(server.url) as connection:
                channel = await connection.channel()
                await channel.declare_queue("kept", durable=True, arguments={"x-queue-type": "quorum"})
                await channel.default_exchange.publish(aio_pika.Message(b"still here"), routing_key="kept")
            # This RabbitMQ forgets a queue of quorum type that is younger than a moment.
            await asyncio.sleep(1)
            server.kill()

            server.password = "new"
            server.start()

            async with await aio_pika.connect(server.url) as connection:
                channel = await connection.channel()
                queue = await channel.get_queue("kept")
                message = await queue.get(timeout=20)
                assert message.body == b"still here"

    def test_nothing_of_it_is_left_when_it_stops(self, tmp_path: Path) -> None:
        with RabbitMQ(tmp_path / "data") as server:
            identities = server.identities

        assert len(identities) == 2
        assert not any(identity.remains() for identity in identities)


class TestKafkaBrokers:
    @pytest.mark.parametrize("kind", [Tansu, Noida])
    def test_they_serve_again_at_the_same_address(self, kind: type[Tansu | Noida], tmp_path: Path) -> None:
        port = free_port()

        with kind(tmp_path / "data", port=port) as server:
            server.kill()
            server.start()

            assert server.address == f"127.0.0.1:{port}"
            assert server.is_running()


def _nobody_reaches(folder: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in [folder, *folder.parents])
