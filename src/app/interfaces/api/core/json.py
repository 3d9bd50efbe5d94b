"""JSON as we take it: strict where Python's own parser is not (RFC 8259, RFC 7493)."""

import json
from collections.abc import Set
from math import isinf
from typing import Any, NoReturn

from starlette.requests import Request

from src.app.interfaces.api.core.headers import header_of
from src.app.interfaces.api.errors import RequestError

MAX_DEPTH = 50
MAX_KEYS = 1000
MAX_CONTAINERS = 10_000
MAX_DIGITS = 20
MERGE_PATCH = "application/merge-patch+json"
"""What a PATCH may call its body too (RFC 7396)."""


class StrictRequest(Request):
    """A request whose JSON has no NaN, no key twice, and no more than `MAX_DEPTH` levels."""

    def check_type(self) -> None:
        """Refuse a body that does not say that it is JSON: a form of another site may not pass for ours.

        Raises:
            RequestError: the answer is 415, and says what is taken.
        """
        length = header_of(self.scope, b"content-length")
        if length in {"", "0"} and not header_of(self.scope, b"transfer-encoding"):
            return
        taken = (MERGE_PATCH, "application/json") if self.method == "PATCH" else ("application/json",)
        kind = header_of(self.scope, b"content-type").partition(";")[0].strip().lower()
        encoding = header_of(self.scope, b"content-encoding").strip().lower()
        if kind not in taken or encoding not in {"", "identity"}:
            raise unsupported_media_type(self.method)

    def sent_fields(self) -> Set[str]:
        """Return the names of the fields that were sent, once they are read."""
        sent = getattr(self, "_json", None)
        return sent.keys() if isinstance(sent, dict) else frozenset()

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = parse_json(await self.body())
        return self._json


def parse_json(body: bytes) -> Any:
    """Parse a body.

    Raises:
        RequestError: it is not JSON that we take; the answer is 400 INVALID_JSON.
    """
    if body.count(b"[") + body.count(b"{") > MAX_CONTAINERS:
        raise _invalid(f"A body has at most {MAX_CONTAINERS} objects and arrays")
    if _depth(body) > MAX_DEPTH:
        raise _invalid(f"JSON nests at most {MAX_DEPTH} levels deep")
    try:
        return json.loads(
            body.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_sized,
            object_pairs_hook=_unique,
        )
    except UnicodeDecodeError:
        raise _invalid("The body is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise _invalid(f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except (ValueError, RecursionError) as error:
        raise _invalid(str(error)) from None


def _depth(body: bytes) -> int:
    # An upper bound, brackets in strings included, is enough to spare most bodies the exact count.
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    in_string = escaped = False
    for byte in body:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_KEYS:
        raise ValueError(f"An object has at most {MAX_KEYS} keys")
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("An object has the same key twice")
    return content


def _finite(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise ValueError("A number is too large")
    return number


def _sized(text: str) -> int:
    # Nothing here stores or answers more than 64 bits, and parsing thousands of digits is slow.
    if len(text) > MAX_DIGITS or not -(2**63) <= (number := int(text)) < 2**64:
        raise ValueError("An integer has more than 64 bits")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _invalid(message: str) -> RequestError:
    return RequestError(400, "INVALID_JSON", message)


def unsupported_media_type(method: str) -> RequestError:
    """Say which types of body a method takes: RFC 5789 (section 3.1) for PATCH, RFC 9110 (15.5.16) for others."""
    types = ", ".join(_types_of(method))
    name = "Accept-Patch" if method == "PATCH" else "Accept"
    return RequestError(
        415,
        "UNSUPPORTED_MEDIA_TYPE",
        f"The Content-Type of a body here is {types}, without a Content-Encoding",
        headers={name: types},
    )


def _types_of(method: str) -> tuple[str, ...]:
    json_alone = ("application/json",)
    return ("application/merge-patch+json", *json_alone) if method == "PATCH" else json_alone
