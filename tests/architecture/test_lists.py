"""What resources let their clients ask is what their repositories understand."""

from src.app.application.common.filters import Family, Takes
from src.app.application.common.lists import TAKES, VALUES
from src.app.application.dto.users import USERS
from src.app.infrastructure.repositories.base.guards import family_of
from src.app.infrastructure.repositories.base.lookups import LOOKUPS, SCALARS
from src.app.infrastructure.repositories.users_repository import UsersPSQLRepository


class TestLists:
    def test_both_sides_agree_on_what_each_lookup_takes(self) -> None:
        for family in (*SCALARS, Family.JSON, Family.LIST):
            for name in LOOKUPS.names(family):
                lookup = LOOKUPS.find(family, name)
                assert lookup is not None
                plain = name.removeprefix("jsonb_")
                assert lookup.takes is TAKES.get(plain, Takes.ONE), (family, name)
                if lookup.value_type is not None:
                    assert VALUES[plain] is family_of(lookup.value_type), (family, name)

    def test_each_field_of_a_list_of_users_can_be_asked_as_it_is_declared(self) -> None:
        table = UsersPSQLRepository.model.__table__
        for one in USERS.allowed():
            column = table.c[UsersPSQLRepository.renamed.get(one.name, one.name)]
            assert one.family is family_of(column.type), one.name
            assert set(one.lookups) <= LOOKUPS.names(one.family), one.name
            assert not column.info.get("sensitive")

    def test_all_that_is_shown_of_a_user_is_declared(self) -> None:
        assert [one.name for one in USERS.allowed()] == list(USERS.shown.__slots__)
