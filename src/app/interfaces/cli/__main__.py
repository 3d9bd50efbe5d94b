"""The command line: `python -m src.app.interfaces.cli`, installed as `allium`."""

from argparse import ArgumentParser

from src.app.interfaces.cli.commands.dead_letters import add_commands as add_dead_letter_commands
from src.app.interfaces.cli.commands.docs import check_documents, export_documents
from src.app.interfaces.cli.commands.proto import check_protos, generate_protos
from src.app.interfaces.cli.commands.seed import seed


def main() -> None:
    parser = ArgumentParser(prog="allium", description="Commands of the service.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_dead_letter_commands(commands)
    docs = commands.add_parser("docs", help="the documents of the API in docs/api")
    documents = docs.add_subparsers(required=True, metavar="COMMAND")
    export = documents.add_parser("export", help="write them anew")
    export.set_defaults(run=export_documents)
    export.add_argument("--check", dest="run", action="store_const", const=check_documents, help="only compare")
    proto = commands.add_parser("proto", help="write the code of the protos anew")
    proto.set_defaults(run=generate_protos)
    proto.add_argument("--check", dest="run", action="store_const", const=check_protos, help="only compare")
    commands.add_parser("seed", help="make the superadmin; safe to repeat").set_defaults(run=seed)
    arguments = vars(parser.parse_args())
    arguments.pop("run")(**arguments)


if __name__ == "__main__":
    main()
