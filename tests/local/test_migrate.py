import re
import shutil
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


class TestMigrate:
    def test_models_that_do_not_stand_at_the_head_are_told_before_anything_starts(self, tmp_path: Path) -> None:
        shutil.copytree(_ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(_ROOT / "alembic.ini", tmp_path)
        models = tmp_path / "src/app/infrastructure/persistence/models/container.py"
        revision = re.compile(r'SCHEMA_REVISION = "(\w+)"')
        head = revision.search(models.read_text())[1]  # type: ignore[index]
        models.write_text(revision.sub('SCHEMA_REVISION = "forgotten"', models.read_text()))

        command = [sys.executable, "-m", "src.local.migrate"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

        assert done.returncode == 1
        assert done.stderr.splitlines() == [
            f"The models stand at forgotten, the migrations at {head}; "
            "set SCHEMA_REVISION in src/app/infrastructure/persistence/models/container.py"
        ]
