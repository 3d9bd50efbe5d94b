"""What the service costs, in ratios with others that do the same: `python -m benchmarks [name …]`.

Each benchmark is a module with a function `measure(stage)` that returns its rows. It prints its
table and writes `.local/results/<name>.json`. One that misses a must is run once more, and what
is missed again makes this end with status 1.
"""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence

from benchmarks import edge, footprint, lists, report, repository, rest, sign_in
from benchmarks.load import LoadError
from benchmarks.process import StartError
from benchmarks.report import Row
from benchmarks.stage import ROOT, Stage, staged
from src.local.servers import ServerError

BENCHMARKS: dict[str, Callable[[Stage], list[Row]]] = {
    "edge": edge.measure,
    "footprint": footprint.measure,
    "lists": lists.measure,
    "repository": repository.measure,
    "rest": rest.measure,
    "sign_in": sign_in.measure,
}


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(prog="python -m benchmarks", description="Measure, all or by name.")
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(BENCHMARKS))
    names = parser.parse_args(arguments).names or list(BENCHMARKS)
    if unknown := set(names) - BENCHMARKS.keys():
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > cores / 2:
        print(f"This machine is busy (load {load:.1f} on {cores} cores): ratios suffer a little, latencies more.")
    try:
        found = _measure(names)
    except (LoadError, ServerError, StartError) as error:
        sys.exit(str(error))
    except ModuleNotFoundError as error:
        sys.exit(f"{error}; `bash local_run.sh --run_benchmarks` installs what is measured")
    print(f"\n{report.table(found)}\n")
    missed = [row.what for row in found if row.is_missed]
    if missed:
        print(f"Missed in two runs: {'; '.join(missed)}")
    return 1 if missed else 0


def _measure(names: Sequence[str]) -> list[Row]:
    found: list[Row] = []
    with staged() as stage:
        for name in names:
            rows = _run(name, stage)
            report.write(ROOT / ".local" / "results" / f"{name}.json", rows)
            found += rows
    return found


def _run(name: str, stage: Stage) -> list[Row]:
    print(f"\n{name}", flush=True)
    rows = BENCHMARKS[name](stage)
    if any(row.is_missed for row in rows):
        print(f"\n{name}, again: {', '.join(row.what for row in rows if row.is_missed)}", flush=True)
        rows = report.of_two_runs(rows, BENCHMARKS[name](stage))
    return rows


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
