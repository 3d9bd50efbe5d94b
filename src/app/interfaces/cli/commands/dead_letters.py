"""Dead letters on the command line: `allium dead-letters`."""

import asyncio
import sys
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from src.app.application.common.actor import Actor
from src.app.application.common.filters import Q
from src.app.application.common.lists import ListRequest
from src.app.config.settings import Settings
from src.app.infrastructure.bootstrap import Process, bootstrap
from src.app.interfaces.cli.consume import HANDLERS_MAP, handlers_of
from src.app.interfaces.cli.process import run

_Command = Callable[..., Awaitable[None]]


def add_commands(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add what can be done with dead letters to the command line."""
    letters = commands.add_parser("dead-letters", help="messages that nobody could handle")
    of_letters = letters.add_subparsers(required=True, metavar="COMMAND")
    where = ArgumentParser(add_help=False)
    where.add_argument(
        "conditions",
        nargs="*",
        metavar="CONDITION",
        help="event=user.create, reason__like=EXISTS, key=4711, uuid=…",
    )
    one = ArgumentParser(add_help=False)
    one.add_argument("uuid", type=UUID)
    listed = _add(of_letters, "list", "show those that match, a line of JSON each", _list, where)
    listed.add_argument("--limit", type=int, default=100)
    _add(of_letters, "show", "show one as it came", _show, one)
    edited = _add(of_letters, "edit", "give one another body, from a file or the standard input", _edit, one)
    edited.add_argument("--body", type=Path, default=Path("/dev/stdin"), metavar="FILE")
    _add(of_letters, "replay", "have all that match be tried again by the consumer", _replay, where)
    _add(of_letters, "dry-run", "show what handling one would write, without doing it", _rehearse, one)
    _add(of_letters, "discard", "forget one for good", _discard, one)


def _add(to: Any, name: str, told: str, command: _Command, parent: ArgumentParser) -> ArgumentParser:
    parser: ArgumentParser = to.add_parser(name, help=told, parents=[parent])
    parser.set_defaults(run=partial(_run, command))
    return parser


def _run(command: _Command, **arguments: Any) -> None:
    async def main(settings: Settings, _: asyncio.Event) -> None:
        async with bootstrap(settings, name="cli") as process:
            await command(process, **arguments)

    run(main)


async def _list(process: Process, *, conditions: list[str], limit: int) -> None:
    request = ListRequest(where=_where(conditions), limit=limit)
    page = await process.container.dead_letters_service.list_dead_letters(Actor.system(), request)
    for letter in page.items:
        _print(letter)
    if page.has_more:
        print(f"{page.total} in all", file=sys.stderr)


async def _show(process: Process, *, uuid: UUID) -> None:
    _print(await process.container.dead_letters_service.get_dead_letter(Actor.system(), uuid))


async def _edit(process: Process, *, uuid: UUID, body: Path) -> None:
    try:
        given = body.read_bytes()
    except OSError as error:
        sys.exit(str(error))
    await process.container.dead_letters_service.edit_dead_letter(Actor.system(), uuid, given)


async def _rehearse(process: Process, *, uuid: UUID) -> None:
    letter = await process.container.dead_letters_service.get_dead_letter(Actor.system(), uuid)
    _print(await process.rehearse(letter, handlers_of(HANDLERS_MAP, process.container)))


async def _replay(process: Process, *, conditions: list[str]) -> None:
    replayed = await process.container.dead_letters_service.replay_dead_letters(Actor.system(), _where(conditions))
    print(f"{replayed} will be tried again")


async def _discard(process: Process, *, uuid: UUID) -> None:
    await process.container.dead_letters_service.discard_dead_letter(Actor.system(), uuid)


def _where(conditions: list[str]) -> Q:
    where = Q()
    for condition in conditions:
        name, _, value = condition.partition("=")
        where &= Q(**{name: value})  # none is passed over, be it of the same name or of a page's
    return where


def _print(letter: Any) -> None:
    print(orjson.dumps(letter, default=_text).decode())


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
