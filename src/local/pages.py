"""Takes the files of the API's pages from npm: `python -m src.local.pages`.

To move to a newer version, name it here and in `documents/pages.py`, with the integrity that
`npm view <package>@<version> dist.integrity` tells, and run this again.
"""

import hashlib
import shutil
import tarfile
from base64 import b64encode
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from src.app.interfaces.api.documents.pages import ASSETS
from src.local.node import npm


class Package(NamedTuple):
    name: str
    version: str
    integrity: str
    files: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return ASSETS / f"{self.name}-{self.version}"


PACKAGES = (
    Package(
        "swagger-ui-dist",
        "5.35.0",
        "sha512-U06rpMtW9V3XPGOBeamTUSr0Z09jMX4IJuANpE/EZbAhw0G8CgwrzU4YmXkn/h0wCDNsXdGarTNNHC3sU8yVUQ==",
        ("LICENSE", "NOTICE", "swagger-ui-bundle.js", "swagger-ui-bundle.js.LICENSE.txt", "swagger-ui.css"),
    ),
    Package(
        "redoc",
        "2.5.4",
        "sha512-M6jWhG1qoBnH6TFmzJnstyCZ87HmOY/UzDm78mHiYihEdlV/YcS9ogOo1NlElnJMeLsyxHFe2yFc4sNjHTrABQ==",
        ("LICENSE", "bundles/redoc.standalone.js", "bundles/redoc.standalone.js.LICENSE.txt"),
    ),
)


def main() -> None:
    with TemporaryDirectory() as folder:
        for package in PACKAGES:
            _take(package, Path(folder))
    kept = {package.folder for package in PACKAGES}
    for folder_of_another in (path for path in ASSETS.iterdir() if path.is_dir() and path not in kept):
        shutil.rmtree(folder_of_another)


def _take(package: Package, folder: Path) -> None:
    archive = folder / npm("pack", "--silent", f"{package.name}@{package.version}", cwd=folder).strip()
    found = f"sha512-{b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()}"
    if found != package.integrity:
        raise SystemExit(f"{package.name} {package.version} is not what it was: {found}")
    package.folder.mkdir(exist_ok=True)
    with tarfile.open(archive) as content:
        for name in package.files:
            member = content.extractfile(f"package/{name}")
            if member is None:
                raise SystemExit(f"{package.name} {package.version} has no {name}")
            (package.folder / Path(name).name).write_bytes(member.read())


if __name__ == "__main__":
    main()
