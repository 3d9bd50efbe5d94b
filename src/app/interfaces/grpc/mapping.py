"""Between our dataclasses and their messages, field by field of the same name.

    dataclass                     message
    UUID, date, enum of text      string            a date as ISO 8601 writes it
    datetime                      google.protobuf.Timestamp
    dict                          google.protobuf.Struct, whose numbers are doubles
    None                          the field is absent
    str, int, float, bool, bytes  the same

What the message does not know stays inside.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, date, datetime
from functools import cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from src.app.application.common.text import parsed_uuid
from src.app.domain.common.exceptions import ValidationError

_MessageT = TypeVar("_MessageT")
_DataT = TypeVar("_DataT")
_Convert = Callable[[Any], Any]


def to_message(data: object, message_type: type[_MessageT]) -> _MessageT:
    """Show a dataclass as a message."""
    values, converters = _plan_out(type(data), message_type)  # type: ignore[arg-type]  # a type is hashable
    return message_type(
        **{
            name: value if convert is None else convert(value)
            for (name, convert), value in zip(converters, values(data), strict=True)
            if value is not None
        }
    )


def from_message(message: Message, data_type: type[_DataT]) -> _DataT:
    """Read a message as a dataclass; a field that is absent is None."""
    return data_type(
        **{
            name: None if is_optional and not message.HasField(name) else convert(getattr(message, name))
            for name, is_optional, convert in _plan_in(type(message), data_type)  # type: ignore[arg-type]
        }
    )


def uuid_of(text: str, field: str = "uuid") -> UUID:
    """Read a UUID that a caller sent.

    Raises:
        ValidationError: it is none; `field` is the one that the error names.
    """
    try:
        return parsed_uuid(text)
    except ValueError:
        raise ValidationError("This is not a UUID", field=field) from None


@cache
def _plan_out(
    data_type: type, message_type: type[Message]
) -> tuple[Callable[[Any], tuple[Any, ...]], tuple[tuple[str, _Convert | None], ...]]:
    known = message_type.DESCRIPTOR.fields
    missing = {field.name for field in known} - {field.name for field in fields(data_type)}
    if missing:
        raise TypeError(f"{data_type.__name__} has no {sorted(missing)}, which {message_type.__name__} shows")
    names = [field.name for field in known]
    # With one name, attrgetter gives the value itself and not a tuple of it.
    values = attrgetter(*names) if len(names) > 1 else lambda data: tuple(getattr(data, name) for name in names)
    return values, tuple((field.name, str if field.type == field.TYPE_STRING else None) for field in known)


@cache
def _plan_in(message_type: type[Message], data_type: type) -> tuple[tuple[str, bool, _Convert], ...]:
    hints = get_type_hints(data_type)
    known = message_type.DESCRIPTOR.fields_by_name
    return tuple(
        (field.name, known[field.name].has_presence, _reader(hints[field.name]))
        for field in fields(data_type)
        if field.init
    )


def _reader(hint: Any) -> _Convert:
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (part for part in get_args(hint) if part is not NoneType)
    readers: Mapping[Any, _Convert] = {
        UUID: UUID,
        date: date.fromisoformat,
        datetime: lambda stamp: stamp.ToDatetime(UTC),
        dict: MessageToDict,
    }
    return readers.get(get_origin(hint) or hint, hint)
