"""What can be said on the command line; only Python's own library, since nothing is installed yet."""

import argparse
from collections.abc import Sequence

PROCESSES = ("api", "grpc", "celery", "consume", "relay", "flower")


def parse_run(options: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bash local_run.sh",
        description="Run everything on this machine. Without a --run_… that is all processes but flower.",
        allow_abbrev=False,
    )
    for name in PROCESSES:
        parser.add_argument(f"--run_{name}", action="append_const", dest="names", const=name, help=f"run {name}")
    parser.add_argument("--broker", choices=("redis", "rabbitmq", "kafka"), help="how events travel in this run")
    parser.add_argument(
        "--recreate", action="store_true", help="remove the data of the embedded servers, and the mails, first"
    )
    parser.add_argument("--docker", action="store_true", help="in containers, by Docker Compose")
    parser.add_argument("--without-brokers", action="store_true", help="leave out the tests that need a broker")
    parser.add_argument("--run_tests", nargs=argparse.REMAINDER, metavar="…", help="run pytest with what follows")
    parser.add_argument("--run_benchmarks", nargs=argparse.REMAINDER, metavar="…", help="measure, all or by name")
    parser.add_argument("--run_fuzz", action="store_true", help="ask the API all that its document says")
    chosen = parser.parse_args(options)
    if "--without-brokers" in (chosen.run_tests or ()):
        chosen.run_tests.remove("--without-brokers")
        chosen.without_brokers = True
    return chosen


def parse_prepare(options: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bash local_prepare.sh",
        description="Start PostgreSQL, Redis and RabbitMQ where they do not answer yet, and return.",
        allow_abbrev=False,
    )
    parser.add_argument("--recreate", action="store_true", help="remove their data, and the mails, first")
    parser.add_argument("--docker", action="store_true", help="in containers, by Docker Compose")
    parser.add_argument("--stop", action="store_true", help="end them")
    return parser.parse_args(options)
