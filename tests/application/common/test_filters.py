from typing import Any

import pytest

from src.app.application.common.filters import Condition, OrderKey, Pattern, Q, unknown
from src.app.application.common.text import is_storable
from src.app.domain.common.exceptions import ValidationError

COLUMNS = ["name", "meta", "like"]
LOOKUPS = ["e", "like", "gt", "jsonb_like"]


class TestCondition:
    @pytest.mark.parametrize(
        ("key", "column", "path", "lookup"),
        [
            ("name", "name", (), "e"),
            ("name__gt", "name", (), "gt"),
            ("meta__a", "meta", ("a",), "e"),
            ("meta__a__b__jsonb_like", "meta", ("a", "b"), "jsonb_like"),
            ("meta__like", "meta", (), "like"),
            ("meta__like__e", "meta", ("like",), "e"),
            ("meta__like__like", "meta", ("like",), "like"),
            ("like__like", "like", (), "like"),
            ("meta___a", "meta", ("_a",), "e"),
        ],
    )
    def test_a_key_is_taken_apart(self, key: str, column: str, path: tuple[str, ...], lookup: str) -> None:
        assert Condition.parse(key, columns=COLUMNS, lookups=LOOKUPS) == Condition(column, path, lookup)

    @pytest.mark.parametrize(
        ("key", "message"),
        [
            ("nmae", "did you mean 'name'. There are: like, meta, name"),
            ("", "Unknown column ''"),
            ("__name", "Unknown column ''"),
            ("meta__" + "__".join("abcdefghi"), "at most 8 parts"),
            ("meta__a____b", "no empty parts"),
            ("meta__", "no empty parts"),
            ("meta__\x00", "can be stored"),
            ("meta__\ud800", "can be stored"),
            ("meta__" + "a" * 500, "at most 500 characters"),
            (7, "at most 500 characters"),
        ],
    )
    def test_what_is_none_is_refused(self, key: Any, message: str) -> None:
        with pytest.raises(ValidationError, match=message):
            Condition.parse(key, columns=COLUMNS, lookups=LOOKUPS)

    def test_however_long_a_name_is_the_answer_is_short(self) -> None:
        error = unknown("column", "x" * 1_000_000, COLUMNS)

        assert len(error.message) < 200

    @pytest.mark.parametrize("name", [pytest.param(10**5_000, id="long"), None, b"name", "\ud800", "\x00"])
    def test_whatever_a_name_is_the_answer_can_be_sent(self, name: Any) -> None:
        assert is_storable(unknown("column", name, COLUMNS).message)


class TestOrderKey:
    @pytest.mark.parametrize(
        ("text", "key"),
        [
            ("name", OrderKey("name", (), descending=False, nulls_first=False)),
            ("-name__nulls_first", OrderKey("name", (), descending=True, nulls_first=True)),
            ("-meta__a__b__nulls_last", OrderKey("meta", ("a", "b"), descending=True, nulls_first=False)),
        ],
    )
    def test_a_key_is_taken_apart(self, text: str, key: OrderKey) -> None:
        assert OrderKey.parse(text, columns=COLUMNS) == key

    @pytest.mark.parametrize("text", ["", "-", "--name", "+name", " name", "nmae", None, 3])
    def test_what_is_none_is_refused(self, text: Any) -> None:
        with pytest.raises(ValidationError):
            OrderKey.parse(text, columns=COLUMNS)


class TestQ:
    def test_a_chain_is_one_group(self) -> None:
        joined = Q(a=1) & Q(b=2) & Q(c=3) & Q(d=4)

        assert repr(joined) == "Q(a=1 AND b=2 AND c=3 AND d=4)"
        assert repr(Q(a=1) | Q(b=2) | Q(c=3)) == "Q(a=1 OR b=2 OR c=3)"

    def test_groups_of_another_kind_stay_groups(self) -> None:
        assert repr((Q(a=1) | Q(b=2)) & Q(c=3)) == "Q(Q(a=1 OR b=2) AND c=3)"
        assert repr(Q(a=1, b=2) | Q(c=3)) == "Q(Q(a=1 AND b=2) OR c=3)"
        assert repr(~Q(a=1) & ~Q(b=2)) == "Q(~Q(a=1) AND ~Q(b=2))"
        assert repr(~(Q(a=1) & Q(b=2))) == "~Q(a=1 AND b=2)"

    def test_not_not_is_nothing(self) -> None:
        assert repr(~~Q(a=1)) == "Q(a=1)"

    def test_what_is_empty_is_left_out(self) -> None:
        assert repr(Q() & Q(a=1) & Q()) == "Q(a=1)"
        assert repr(Q(Q(), a=1)) == "Q(a=1)"
        for empty in (Q(), Q(Q(), Q()), ~~Q(), Q() & Q(), Q() | Q(), Q.of({}), Q.of({"limit": 3}), Q.of(None)):
            assert not empty

    def test_not_nothing_is_something(self) -> None:
        assert ~Q()

    def test_a_deep_tree_is_refused_before_it_is_walked(self) -> None:
        tree = Q(a=1)
        for _ in range(10_000):
            tree = Q(tree, b=2)

        with pytest.raises(ValidationError, match="at most 5 deep"):
            tree.bounded()

    def test_a_wide_tree_is_refused_before_it_is_walked(self) -> None:
        tree = Q(a=1)
        for _ in range(100):
            tree = Q(tree, tree)

        with pytest.raises(ValidationError, match="at most 50 conditions"):
            tree.bounded()

    @pytest.mark.parametrize("other", [{"a": 1}, "a = 1", ("a", 1), None, 1])
    def test_it_joins_nothing_else(self, other: Any) -> None:
        for join in (Q, Q(a=1).__and__, Q().__or__):
            with pytest.raises(ValidationError, match="A Q joins other Qs"):
                join(other)

    @pytest.mark.parametrize("nothing", [Q(), ~Q(), ~Q(~Q()), Q(~Q(~Q()))])
    def test_not_of_nothing_is_no_condition(self, nothing: Q) -> None:
        assert not nothing.has_conditions()
        assert (nothing | Q(a=1)).has_conditions()


class TestPattern:
    @pytest.mark.parametrize("text", ["", "a%", "a\\%", "a\\\\", "_"])
    def test_it_is_text(self, text: str) -> None:
        assert Pattern(text) == text

    @pytest.mark.parametrize("text", ["\\", "a\\", "a\\\\\\"])
    def test_a_backslash_escapes_something(self, text: str) -> None:
        with pytest.raises(ValidationError, match="backslash"):
            Pattern(text)
