import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from shutil import rmtree

import pytest

from src.app.config.settings import ROOT
from src.app.interfaces.cli.commands import proto

PB = ROOT / "src" / "app" / "interfaces" / "grpc" / "pb"


class TestGeneratedCode:
    def test_it_fits_the_protos(self) -> None:
        assert proto.stale_protos() == []

    def test_what_does_not_fit_is_named(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "allium").mkdir()
        (tmp_path / "allium" / "gone_pb2.py").touch()
        monkeypatch.setattr(proto, "_PB", tmp_path)

        with pytest.raises(SystemExit, match=r"allium/gone_pb2\.py.*cli proto"):
            proto.check_protos()

    def test_making_it_takes_away_what_no_proto_gives(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "allium").mkdir()
        (tmp_path / "allium" / "gone_pb2.py").touch()
        monkeypatch.setattr(proto, "_PB", tmp_path)

        proto.generate_protos()

        assert proto.stale_protos() == []
        assert not (tmp_path / "allium" / "gone_pb2.py").exists()

    @pytest.mark.parametrize("source", sorted((PB.parent / "protos" / "allium").rglob("*.proto")))
    def test_every_message_field_and_method_is_explained(self, source: Path) -> None:
        lines = source.read_text(encoding="utf-8").splitlines()
        unexplained = [
            line
            for before, line in pairwise(lines)
            if line.strip().startswith(("service ", "rpc ", "message ")) or " = " in line
            if not before.strip().startswith("//") and "syntax" not in line
        ]
        assert unexplained == []


@pytest.fixture
def greeter() -> Iterator[str]:
    """Return the name of a folder for a proto of one's own, in `protos` and `pb`."""
    name = "greeter_of_a_test"
    yield name
    rmtree(PB / name, ignore_errors=True)


class TestOnesOwnProto:
    def test_the_plain_recipe_gives_code_that_can_be_imported(self, greeter: str, tmp_path: Path) -> None:
        (tmp_path / f"{greeter}.proto").write_text(
            'syntax = "proto3"; package greeter; message Hello { string name = 1; }'
            "service Greeter { rpc Greet(Hello) returns (Hello); }"
        )
        (PB / greeter).mkdir()
        out = f"./src/app/interfaces/grpc/pb/{greeter}"
        recipe = [
            *(sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={tmp_path}"),
            *(f"--python_out={out}", f"--grpc_python_out={out}", f"{greeter}.proto"),
        ]
        subprocess.run(recipe, cwd=ROOT, check=True)

        package = f"src.app.interfaces.grpc.pb.{greeter}"
        script = (
            f"from {package} import {greeter}_pb2, {greeter}_pb2_grpc\n"
            f"import {greeter}_pb2 as bare\n"
            f"assert {greeter}_pb2.Hello is bare.Hello\n"
            f"print({greeter}_pb2_grpc.GreeterServicer.__name__)"
        )
        done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)

        assert done.stdout.strip() == "GreeterServicer"
