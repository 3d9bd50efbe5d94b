"""The command line: `python -m src.app.interfaces.cli`, installed as `allium`."""

from argparse import ArgumentParser

from src.app.interfaces.cli.commands.seed import seed


def main() -> None:
    parser = ArgumentParser(prog="allium", description="Commands of the service.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("seed", help="make the superadmin; safe to repeat").set_defaults(run=seed)
    arguments = parser.parse_args()
    arguments.run()


if __name__ == "__main__":
    main()
