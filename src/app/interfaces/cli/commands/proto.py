"""The code that protoc makes of our protos: `python -m src.app.interfaces.cli proto [--check]`."""

import re
import sys
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory

_GRPC = Path(__file__).resolve().parents[2] / "grpc"
_PROTOS = _GRPC / "protos"
_PB = _GRPC / "pb"
_PACKAGE = "src.app.interfaces.grpc.pb"
_OURS = "allium"


def generate_protos() -> None:
    """Make the code anew, and take away what no proto gives any more."""
    made = _made()
    for stale in _committed().keys() - made.keys():
        (_PB / stale).unlink()
    for name, text in made.items():
        (_PB / name).parent.mkdir(parents=True, exist_ok=True)
        (_PB / name).write_text(text, encoding="utf-8")


def check_protos() -> None:
    """Exit with the names of the generated files that do not fit their protos, if there are any."""
    if stale := stale_protos():
        sys.exit(f"Stale: {', '.join(stale)}; run `python -m src.app.interfaces.cli proto`")


def stale_protos() -> list[str]:
    """Return the generated files that do not fit their protos, below `pb`."""
    made, committed = _made(), _committed()
    return sorted(name for name in made.keys() | committed.keys() if made.get(name) != committed.get(name))


def _made() -> Mapping[str, str]:
    # A tool of development: the images that serve have no compiler.
    from grpc_tools import protoc

    protos = sorted(str(proto) for proto in (_PROTOS / _OURS).rglob("*.proto"))
    with TemporaryDirectory() as folder, as_file(files("grpc_tools") / "_proto") as well_known:
        outputs = [f"--{kind}_out={folder}" for kind in ("python", "pyi", "grpc_python")]
        if protoc.main(["protoc", f"--proto_path={_PROTOS}", f"--proto_path={well_known}", *outputs, *protos]):
            sys.exit("protoc refused the protos; what is wrong stands above")
        made = {name: _with_absolute_imports(text) for name, text in _texts(Path(folder)).items()}
    packages = {str(parent / "__init__.py") for name in made for parent in Path(name).parents if parent.name}
    return {**made, **dict.fromkeys(packages, "")}


def _committed() -> Mapping[str, str]:
    return {f"{_OURS}/{name}": text for name, text in _texts(_PB / _OURS).items()}


def _texts(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): file.read_text(encoding="utf-8")
        for file in folder.rglob("*")
        if file.suffix in {".py", ".pyi"}
    }


def _with_absolute_imports(text: str) -> str:
    # protoc takes the folders of the protos for the packages of Python, from the import root on.
    return re.sub(rf"^from {_OURS}\b", f"from {_PACKAGE}.{_OURS}", text, flags=re.MULTILINE)
