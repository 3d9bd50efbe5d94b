from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from src.app.application.dto.users import UserDTO
from src.app.domain.common.exceptions import ValidationError
from src.app.interfaces.grpc.mapping import from_message, to_message, uuid_of
from src.app.interfaces.grpc.pb.allium.users.v1.users_pb2 import User

NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
ADA = UserDTO(
    id=7, uuid=uuid4(), email="ada@example.com", phone="+442079460958", first_name="Ada", last_name="Lovelace",
    full_name="Ada Lovelace",
    birthday=date(1815, 12, 10), avatar_url="https://example.com/a.png", is_active=True, is_guest=False,
    is_verified=True, is_superuser=False, street="12 St James's Square", city="London", state="", zip_code="SW1",
    country="GB", meta={"theme": "dark", "n": 1.5, "deep": [{"a": None}, True]}, version=3, created_at=NOW,
    updated_at=NOW,
)  # fmt: skip
NOTHING_SAID = replace(
    ADA, email=None, phone=None, first_name=None, last_name=None, full_name=None, birthday=None, avatar_url=None,
    street=None, city=None, state=None, zip_code=None, country=None, meta={},
)  # fmt: skip


class TestMapping:
    @pytest.mark.parametrize("user", [ADA, NOTHING_SAID])
    def test_there_and_back_is_the_same(self, user: UserDTO) -> None:
        message = User.FromString(to_message(user, User).SerializeToString())

        assert from_message(message, UserDTO) == user

    def test_what_is_not_known_is_absent(self) -> None:
        message = to_message(NOTHING_SAID, User)

        assert not message.HasField("email")
        assert not message.HasField("birthday")

    def test_empty_text_is_not_absent(self) -> None:
        assert to_message(ADA, User).HasField("state")

    def test_every_field_of_a_user_is_shown(self) -> None:
        assert {field.name for field in User.DESCRIPTOR.fields} == set(UserDTO.__dataclass_fields__)

    def test_a_message_that_shows_what_the_dataclass_lacks_is_a_mistake(self) -> None:
        @dataclass
        class Nameless:
            uuid: str

        with pytest.raises(TypeError, match=r"Nameless has no .*birthday"):
            to_message(Nameless("1"), User)


class TestUuidOf:
    def test_it_reads_a_uuid(self) -> None:
        assert uuid_of(str(ADA.uuid)) == ADA.uuid

    @pytest.mark.parametrize("text", ["", "7", "x" * 36, "\x00"])
    def test_anything_else_names_the_field(self, text: str) -> None:
        with pytest.raises(ValidationError) as caught:
            uuid_of(text, "user_uuid")

        assert caught.value.details[0]["key"] == "user_uuid"
