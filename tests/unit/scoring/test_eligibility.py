from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.dataset import Vocabulary
from recsys.scoring import Eligibility

ITEMS = Vocabulary.from_ids(["a", "b", "c", "d"])
USERS = pl.DataFrame({"user_id": [1, 2, 3], "country": ["SE", "DE", None], "age": [40.0, 9.0, 30.0]})


def open_items(rules: Eligibility, at: object = None) -> list[str]:
    """Return for each of the three users the open items, as one word."""
    resolved = rules.resolve(USERS["user_id"], ITEMS, USERS.drop("user_id"), at)
    words = [""] * 3
    for rows, mask in resolved.groups():
        for row in rows:
            denied = set() if resolved.denied is None else set(resolved.denied[[row]].indices.tolist())
            words[row] = "".join(ITEMS.decode([code for code in np.flatnonzero(mask) if code not in denied]))
    forbidden = rules.forbids(np.repeat([1, 2, 3], 4), list("abcd") * 3, user_attributes=USERS, at=at).reshape(3, 4)
    assert ["".join(np.array(list("abcd"))[~row]) for row in forbidden] == words
    return words


def test_no_rules_open_everything() -> None:
    assert open_items(Eligibility()) == ["abcd"] * 3


def test_deny_and_allow_take_away_for_everyone() -> None:
    assert open_items(Eligibility().deny(["a"])) == ["bcd"] * 3
    assert open_items(Eligibility().allow(["a", "b"]).allow(["b", "c"])) == ["b"] * 3
    assert open_items(Eligibility().allow(["a", "b"]).deny(["a"])) == ["b"] * 3


def test_builder_leaves_the_original_alone() -> None:
    rules = Eligibility()
    rules.deny(["a"])
    assert open_items(rules) == ["abcd"] * 3


def test_deny_pairs_closes_single_cells() -> None:
    pairs = pl.DataFrame({"user_id": [1, 1, 3, 99], "item_id": ["a", "a", "d", "a"]})
    assert open_items(Eligibility().deny_pairs(pairs)) == ["bcd", "abcd", "abc"]


def test_rights_by_country_close_what_is_not_listed_and_users_without_country() -> None:
    rights = pl.DataFrame({"item_id": ["a", "b", "b"], "country": ["SE", "SE", "DE"]})
    assert open_items(Eligibility().available(rights, by="country")) == ["ab", "b", ""]
    assert open_items(Eligibility().available(rights, by="country", unlisted="allow")) == ["abcd", "bcd", "cd"]


def test_windows_are_half_open() -> None:
    rights = pl.DataFrame(
        {
            "item_id": ["a", "b", "c"],
            "from": [datetime(2026, 1, 1), datetime(2026, 1, 2), None],
            "until": [datetime(2026, 1, 2), None, datetime(2026, 1, 1)],
        }
    )
    rules = Eligibility().available(rights)
    assert open_items(rules, "2025-12-31T23:59") == ["c"] * 3
    assert open_items(rules, datetime(2026, 1, 1)) == ["a"] * 3
    assert open_items(rules, "2026-01-02") == ["b"] * 3


def test_windows_without_an_instant_are_refused() -> None:
    rules = Eligibility().available({"item_id": ["a"], "from": ["2026-01-01"]})
    with pytest.raises(ArgumentError, match="at is missing"):
        rules.resolve([1], ITEMS)
    with pytest.raises(ArgumentError, match="at is missing"):
        rules.forbids([1], ["a"])


def test_deny_group_closes_the_group_and_users_without_the_attribute() -> None:
    assert open_items(Eligibility().deny_group(["a", "b"], by="country", values=["DE"])) == ["abcd", "cd", "cd"]
    assert open_items(Eligibility().deny_group(["a"], by="age", values=9)) == ["abcd", "bcd", "abcd"]


def test_two_attributes_combine() -> None:
    rights = pl.DataFrame({"item_id": ["a", "b"], "country": ["SE", "DE"]})
    rules = Eligibility().available(rights, by="country").deny_group(["b"], by="age", values=[9, 10])
    assert open_items(rules) == ["a", "", ""]


def test_an_attribute_that_nobody_has_is_an_error() -> None:
    with pytest.raises(NotFoundError, match=r"'plan'.*found: country, age"):
        open_items(Eligibility().deny_group(["a"], by="plan", values="free"))


def test_text_is_not_compared_with_numbers() -> None:
    with pytest.raises(ArgumentError, match="same type"):
        open_items(Eligibility().deny_group(["a"], by="country", values=[1]))


def test_unknown_items_are_counted() -> None:
    resolved = Eligibility().deny(["a", "zz"]).resolve([1], ITEMS)
    assert resolved.warnings == ("1 of 2 item ids in the eligibility are unknown to the model and were ignored",)


def test_integer_ids_are_understood() -> None:
    numbers = Vocabulary.from_ids([7, 8])
    resolved = Eligibility().deny([7]).deny_pairs({"user_id": [1], "item_id": [8]}).resolve([1, 2], numbers)
    assert resolved.open_items.tolist() == [[False, True]]
    assert resolved.denied is not None
    assert resolved.denied.toarray().tolist() == [[0, 1], [0, 0]]


@pytest.mark.parametrize(
    ("build", "error"),
    [
        (lambda: Eligibility().deny("abc"), ArgumentError),
        (lambda: Eligibility().available({"item_id": ["a"]}, by="country"), NotFoundError),
        (lambda: Eligibility().available({"item_id": ["a"], "country": [None]}, by="country"), DataError),
        (lambda: Eligibility().available({"item_id": ["a"], "from": [2], "until": [2]}), DataError),
        (lambda: Eligibility().available({"item_id": ["a"]}, unlisted="maybe"), ArgumentError),
        (lambda: Eligibility().deny_pairs({"user_id": [1]}), DataError),
    ],
)
def test_bad_rules_are_refused(build: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        build()  # type: ignore[operator]  # a lambda of the table above


def test_take_keeps_rows_together() -> None:
    rules = Eligibility().deny_pairs({"user_id": [3], "item_id": ["a"]}).deny_group(["b"], by="country", values="SE")
    part = rules.resolve(USERS["user_id"], ITEMS, USERS.drop("user_id")).take(np.array([2, 0]))
    assert part.denied is not None
    assert part.denied.toarray().tolist() == [[1, 0, 0, 0], [0, 0, 0, 0]]
    assert part.open_items[part.group_of_user].tolist() == [[True, False, True, True]] * 2


countries = st.sampled_from(["SE", "DE", "FR"])
instants = st.one_of(st.none(), st.integers(0, 20))


@settings(max_examples=80, deadline=None)
@given(
    rights=st.lists(
        st.tuples(st.sampled_from("abcdx"), countries, instants, st.one_of(st.none(), st.integers(21, 40))),
        min_size=1,
        max_size=12,
    ),
    pairs=st.lists(st.tuples(st.integers(1, 4), st.sampled_from("abcdx")), min_size=1, max_size=5),
    denied=st.lists(st.sampled_from("abx"), max_size=2),
    unlisted=st.sampled_from(["deny", "allow"]),
    at=st.integers(0, 45),
)
def test_masks_and_the_hard_check_agree(rights, pairs, denied, unlisted, at) -> None:  # type: ignore[no-untyped-def]  # hypothesis
    frame = pl.DataFrame(rights, schema=["item_id", "country", "from", "until"], orient="row", infer_schema_length=None)
    rules = (
        Eligibility()
        .available(frame, by="country", unlisted=unlisted)
        .deny_pairs(pl.DataFrame(pairs, schema=["user_id", "item_id"], orient="row"))
        .deny_group(denied or ["x"], by="age", values=[9])
    )
    open_items(rules, at)


def test_a_check_of_pairs_refuses_two_rows_of_attributes_for_one_user() -> None:
    rights = pl.DataFrame({"item_id": ["a"], "country": ["SE"]})
    twice = pl.DataFrame({"user_id": [1, 1], "country": ["SE", "DE"]})
    with pytest.raises(DataError, match="user '1' has more than one row"):
        Eligibility().available(rights, by="country").forbids([1], ["a"], user_attributes=twice)


def test_a_group_may_be_named_by_a_number_from_numpy() -> None:
    assert open_items(Eligibility().deny_group(["a"], by="age", values=np.int64(9))) == ["abcd", "bcd", "abcd"]
