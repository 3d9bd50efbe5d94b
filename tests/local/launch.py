"""The launcher with small programs in the product's place.

`python -m tests.local.launch <root> [name=behaviour …]`; the behaviours are those of `child.py`.
"""

import argparse
import sys
from pathlib import Path

from src.local.environment import Plan
from src.local.product import Product
from src.local.run import run
from src.local.supervisor import HealthPage, Program, exists

_CHILD = str(Path(__file__).with_name("child.py"))


def product(behaviours: dict[str, str], prepare: str) -> Product:
    def program(plan: Plan, name: str, behaviour: str) -> Program:
        heartbeat = plan.root / ".local" / "data" / f"{name}.alive"
        heartbeat.unlink(missing_ok=True)
        command = [sys.executable, _CHILD, behaviour]
        if behaviour in {"refuse", "serve"}:
            page = HealthPage(f"http://127.0.0.1:{plan.variables['API_PORT']}/health/ready/")
            return Program(name, command, page.is_ok, why_not=page.why_not)
        return Program(name, command, exists(heartbeat), {"HEARTBEAT_FILE": str(heartbeat)})

    return Product(
        preparations={"migrate": [sys.executable, "-c", prepare]},
        programs=lambda plan: [program(plan, name, behaviour) for name, behaviour in behaviours.items()],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("behaviours", nargs="*", default=["api=serve", "relay=beat"])
    parser.add_argument("--prepare", default="print('migrated')")
    parser.add_argument("--broker")
    parser.add_argument("--recreate", action="store_true")
    chosen = parser.parse_args()
    behaviours = dict(pair.split("=") for pair in chosen.behaviours)
    sys.exit(
        run(chosen.root, product(behaviours, chosen.prepare), transport=chosen.broker, recreate=chosen.recreate)
    )
