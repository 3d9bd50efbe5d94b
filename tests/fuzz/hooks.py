"""What schemathesis has to be told of our API: the rules that the document can say in words alone.

It is given to schemathesis as its module of hooks, in a process of its own.
"""

import re
from typing import Any
from uuid import uuid4

import schemathesis
from email_validator import SPECIAL_USE_DOMAIN_NAMES
from hypothesis import strategies as st
from schemathesis import Case, HookContext

from src.app.config.settings import ROOT

_COMMON = frozenset((ROOT / "src/app/infrastructure/providers/common_passwords.txt").read_text().split())
_UNDELIVERABLE = tuple(f".{name}" for name in SPECIAL_USE_DOMAIN_NAMES)
_CURSOR_LENGTH = 40
_INT64 = 2**63 - 1


_LETTERS = st.characters(categories=["L"], codec="utf-8")
schemathesis.openapi.format("name", st.text(_LETTERS, min_size=2, max_size=20))
schemathesis.openapi.format("phone", st.integers(0, 999_999).map("+447400{:06}".format))


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Keep a request that is meant to be right to what is said in words; those meant to be wrong stay so."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if case.query:
        _keep_to_one_way_of_paging(case.query)
        _keep_to_values(case.query)
    if "Idempotency-Key" in (case.headers or {}):
        # A key stands for one request, and schemathesis draws the same for many.
        case.headers["Idempotency-Key"] = str(uuid4())
    if isinstance(case.body, dict):
        case.body = body = _storable(case.body)
        _keep_to_rules_of_people(body)
        if case.operation.path.endswith("/sign-up/") and isinstance(body.get("email"), str):
            # Nobody signs up twice; of a hundred that share a few addresses hardly one would be taken.
            body["email"] = f"{uuid4().hex[:12]}{body['email'][-200:]}"


def _keep_to_one_way_of_paging(query: dict[str, Any]) -> None:
    if len(str(query.get("cursor") or "")) < _CURSOR_LENGTH:
        query.pop("cursor", None)
    if "cursor" in query:
        others: tuple[str, ...] = ("offset", "page", "per_page")
    elif query.keys() & {"page", "per_page"}:
        others = ("limit", "offset")
    else:
        others = ()
    for name in others:
        query.pop(name, None)


def _keep_to_values(query: dict[str, Any]) -> None:
    """A day is one of its month, and text in a list has its quotes in pairs."""
    filters = query.get("filter")
    if not isinstance(filters, dict):
        return
    for name, value in filters.items():
        if name.startswith(("birthday", "created_at", "updated_at")) and isinstance(value, str):
            filters[name] = re.sub("-(29|30|31)(?![0-9])", "-28", value.replace("0000-", "2000-"))
        elif name.endswith(("in", "keys", "between")) and isinstance(value, str):
            filters[name] = re.sub('["\r\n]', "", value)


def _keep_to_rules_of_people(body: dict[str, Any]) -> None:
    """Nobody is under age, nor unborn; no password is one that everybody knows, no domain one of RFC 6761."""
    if isinstance(body.get("birthday"), str):
        body["birthday"] = f"{1950 + int(body['birthday'][3]) * 5}{body['birthday'][4:]}".replace(
            "-02-29", "-02-28"
        )
    if isinstance(body.get("email"), str) and body["email"].endswith(_UNDELIVERABLE):
        body["email"] = f"{body['email']}.com"
    if isinstance(body.get("password"), str) and body["password"].lower() in _COMMON:
        body["password"] = f"{body['password']}, and a phrase"


def _storable(value: Any) -> Any:
    """Take from free JSON what RFC 7493 leaves out, and PostgreSQL too."""
    match value:
        case dict():
            return {_storable(name): _storable(inner) for name, inner in value.items()}
        case list():
            return [_storable(inner) for inner in value]
        case str():
            return value.replace("\x00", "")
        case bool():
            return value
        case int():
            return max(-_INT64, min(value, _INT64))
        case _:
            return value
