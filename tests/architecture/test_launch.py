"""The images and compose files: linted everywhere, built where Docker is."""

import os
import re
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from src.app.config.settings import ROOT, Settings
from src.local.options import PROCESSES
from src.local.testing import Addresses

DOCKERFILE = ROOT / ".launch" / "Dockerfile"
HEALTH = ROOT / ".launch" / "health.py"
FULL_STACK = ROOT / ".launch" / "docker-compose.yml"
SERVERS = ROOT / "src" / "local" / "servers.compose.yml"
TESTS = ROOT / "docker-compose-tests.yml"
IMAGES = ("api", "grpc", "celery", "consume", "relay", "tests")
OWN_SERVICES = {*PROCESSES, "migrate"}


def stages() -> dict[str, str]:
    """Return the lines of each target, those of the targets that it is made from before its own."""
    found: dict[str, str] = {}
    for part in re.split(r"^(?=FROM )", DOCKERFILE.read_text(), flags=re.MULTILINE)[1:]:
        origin, name = re.match(r"FROM (\S+) AS (\S+)", part).groups()  # type: ignore[union-attr]
        found[name] = found.get(origin, "") + part
    return found


def services(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(file.read_text())
    services: dict[str, Any] = content["services"]
    return services


def lint(*command: str | Path) -> str:
    tool = Path(sys.executable).with_name(str(command[0]))
    done = subprocess.run([tool, *command[1:]], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


class TestTheDockerfile:
    def test_hadolint_finds_nothing(self) -> None:
        assert lint("hadolint", DOCKERFILE) == ""

    @pytest.mark.parametrize("image", IMAGES)
    def test_each_image_is_a_target_that_runs_as_an_ordinary_user_and_stops_by_sigterm(self, image: str) -> None:
        lines = stages()[image]

        assert re.findall(r"^USER (\S+)", lines, re.MULTILINE)[-1] == "10001"
        assert "STOPSIGNAL SIGTERM" in lines
        assert re.search(r"^CMD \[", lines, re.MULTILINE), "a shell in between would keep the signal to itself"

    @pytest.mark.parametrize("image", [image for image in IMAGES if image != "tests"])
    def test_each_process_says_whether_it_works(self, image: str) -> None:
        assert re.search(r'^HEALTHCHECK .*"/health.py"', stages()[image], re.MULTILINE)

    def test_every_package_is_installed_with_its_hash(self) -> None:
        installs = re.findall(r"pip install .*", DOCKERFILE.read_text())

        assert len(installs) == 3
        assert all("--require-hashes" in install for install in installs)

    def test_no_secret_is_part_of_an_image(self) -> None:
        assert not re.search(r"^(ENV|ARG) .*(SECRET|PASSWORD|TOKEN)", DOCKERFILE.read_text(), re.MULTILINE)
        assert {".env", ".env.*", ".local", ".git"} <= set((ROOT / ".dockerignore").read_text().split())


class TestTheComposeFiles:
    @pytest.mark.parametrize("file", [FULL_STACK, SERVERS, TESTS], ids=lambda file: file.name)
    def test_they_follow_the_compose_specification(self, file: Path) -> None:
        assert lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", file) == ""

    @pytest.mark.parametrize("file", [FULL_STACK, SERVERS, TESTS], ids=lambda file: file.name)
    def test_whoever_waits_waits_for_a_service_that_says_when_it_is_ready(self, file: Path) -> None:
        found = services(file)
        in_vain = {
            f"{name} → {awaited}"
            for name, service in found.items()
            for awaited, how in service.get("depends_on", {}).items()
            if how["condition"] == "service_healthy" and not found[awaited].get("healthcheck")
        }
        assert in_vain == set()

    @pytest.mark.parametrize("file", [FULL_STACK, TESTS], ids=lambda file: file.name)
    def test_what_they_build_is_a_target(self, file: Path) -> None:
        targets = {service["build"]["target"] for service in services(file).values() if "build" in service}

        assert targets <= stages().keys()

    def test_the_full_stack_has_every_process_on_a_read_only_file_system(self) -> None:
        own = {name: service for name, service in services(FULL_STACK).items() if "build" in service}

        assert own.keys() == OWN_SERVICES
        assert all(service["read_only"] and service["cap_drop"] == ["ALL"] for service in own.values())

    def test_the_full_stack_sets_only_variables_that_are_settings(self) -> None:
        own = services(FULL_STACK)["api"]["environment"]

        assert own.keys() <= Settings.model_fields.keys()

    def test_no_secret_of_the_full_stack_has_a_default(self) -> None:
        text = FULL_STACK.read_text()
        secrets = set(re.findall(r"\$\{(\w*(?:SECRET|PASSWORD|AUTH)\w*)", text))

        assert secrets == {"SECRET_KEY", "DB_PASSWORD", "REDIS_PASSWORD", "RABBITMQ_PASSWORD", "FLOWER_BASIC_AUTH"}
        assert not re.search(r"\$\{\w*(?:SECRET|PASSWORD|AUTH)\w*(?!\w|:\?)", text)

    def test_the_tests_ask_the_servers_of_their_compose_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in services(TESTS)["tests"]["environment"].items():
            monkeypatch.setenv(name, value)

        addresses = Addresses("a socket where nobody answers", brokers=True)

        assert addresses.postgresql["DB_HOST"] == "postgres"
        assert addresses.redis_url == "redis://redis:6379/0"
        assert addresses.amqp_url == "amqp://allium:tests@rabbitmq:5672/"
        assert addresses.noida == addresses.tansu == "kafka:9092"


class TestTheHealthChecks:
    def test_a_process_that_beats_is_healthy(self, tmp_path: Path) -> None:
        alive = tmp_path / "alive"
        alive.touch()

        assert health("beat", HEARTBEAT_FILE=str(alive)) == 0

    def test_a_process_that_has_not_beaten_for_fifteen_seconds_is_not(self, tmp_path: Path) -> None:
        alive = tmp_path / "alive"
        alive.touch()
        os.utime(alive, (time.time() - 16, time.time() - 16))

        assert health("beat", HEARTBEAT_FILE=str(alive)) == 1

    def test_a_process_that_has_not_begun_is_not(self, tmp_path: Path) -> None:
        assert health("beat", HEARTBEAT_FILE=str(tmp_path / "alive")) == 1

    @pytest.mark.parametrize("path", ["/health/live/", "/elsewhere/"])
    def test_the_api_is_asked_whether_it_lives(self, path: str) -> None:
        class OnlyThere(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if self.path == path else 404)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        with HTTPServer(("127.0.0.1", 0), OnlyThere) as server:
            Thread(target=server.serve_forever, daemon=True).start()

            assert health("api", API_PORT=str(server.server_port)) == (path != "/health/live/")
            server.shutdown()

    def test_a_grpc_server_that_is_not_there_is_not_healthy(self) -> None:
        assert health("grpc", GRPC_PORT="1") == 1


def health(check: str, **environment: str) -> int:
    command = [sys.executable, str(HEALTH), check]
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode


class TestWithDocker:
    @pytest.mark.parametrize("image", IMAGES)
    def test_the_image_builds(self, image: str) -> None:
        if not docker_answers():
            pytest.skip("No Docker daemon answers here, so this test did not run")
        command = ["docker", "build", "--quiet", "--file", str(DOCKERFILE), "--target", image, str(ROOT)]

        done = subprocess.run(command, capture_output=True, text=True, check=False)

        assert done.returncode == 0, done.stderr[-3000:]


def docker_answers() -> bool:
    try:
        return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
