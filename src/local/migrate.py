"""The step `migrate`: `alembic upgrade head`, once the models say that they are of that head."""

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from src.app.infrastructure.persistence.models import container
from src.local.install import ROOT


def main() -> None:
    config = Config(ROOT / "alembic.ini")
    heads = ScriptDirectory.from_config(config).get_heads()
    # Else every process would start, and none would ever say that it is ready.
    if heads != [container.SCHEMA_REVISION]:
        file = Path(container.__file__).relative_to(ROOT)
        sys.exit(
            f"The models stand at {container.SCHEMA_REVISION}, the migrations at {', '.join(heads) or 'nothing'}; "
            f"set SCHEMA_REVISION in {file}"
        )
    command.upgrade(config, "head")


if __name__ == "__main__":
    main()
