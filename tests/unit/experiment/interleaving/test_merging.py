"""Interleaved lists: the papers' algorithms as a plain twin, exact chances, and what must not change them."""

from __future__ import annotations

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recsys as rs
from recsys.core.errors import ArgumentError, DataError
from recsys.core.seeds import derived_int
from recsys.dataset import Vocabulary
from recsys.experiment import interleave
from recsys.experiment.interleaving.merging import _STREAM
from recsys.scoring.draws import uniforms, user_keys

METHODS = ("team-draft", "balanced", "probabilistic")


def frame(lists):
    """Rows of {user: [items, best first]}."""
    rows = [(user, item, rank) for user, items in lists.items() for rank, item in enumerate(items, 1)]
    return pl.DataFrame(rows, schema={"user_id": pl.Int64, "item_id": pl.Int64, "rank": pl.Int64}, orient="row")


def team_draft_twin(a, b, k, randoms):
    """The paper's loop; an item is both's when the other coin of its pair of picks would put it into the same slot."""
    shown, teams, sizes, other = [], [], [0, 0], []
    while len(shown) < k:
        left = [[item for item in each if item not in shown] for each in (a, b)]
        if not left[0] and not left[1]:
            break
        if left[0] and left[1]:
            level = sizes[0] == sizes[1]
            side = int(not (sizes[0] < sizes[1] or (level and randoms[len(shown)] < 0.5)))
            sizes[side] += 1
            if level:  # what the other coin would bring: the first pick of the other, then the next of this one
                first = left[1 - side][0]
                other = [first, *[item for item in left[side] if item != first][:1]]
            item = left[side][0]
            teams.append("both" if other and other.pop(0) == item else "ab"[side])
        else:
            side = 0 if left[0] else 1
            teams.append(None)
        shown.append(left[side][0])
    return shown, teams


def balanced_twin(a, b, k, randoms):
    shown, teams, at, begins = [], [], [0, 0], randoms[0] < 0.5
    while len(shown) < k and (at[0] < len(a) or at[1] < len(b)):
        both = at[0] < len(a) and at[1] < len(b)
        first = (at[0] < at[1] or (at[0] == at[1] and begins)) if both else at[0] < len(a)
        side = int(not first)
        item = (a, b)[side][at[side]]
        at[side] += 1
        if item not in shown:
            shown.append(item)
            teams.append("ab"[side] if both else None)
    return shown, teams


def probabilistic_twin(a, b, k, randoms):
    shown, teams, chances = [], [], []
    while len(shown) < k:
        mass = [{x: r**-3.0 for r, x in enumerate(each, 1) if x not in shown} for each in (a, b)]
        if not mass[0] and not mass[1]:
            break
        both = bool(mass[0]) and bool(mass[1])
        slot = len(shown)
        side = int(randoms[2 * slot] >= 0.5) if both else (0 if mass[0] else 1)
        target, item = randoms[2 * slot + 1] * sum(mass[side].values()), None
        for candidate, weight in mass[side].items():
            item = candidate
            target -= weight
            if target < 0:
                break
        shown.append(item)
        teams.append("ab"[side] if both else None)
        chances.append([each.get(item, 0) / sum(each.values()) for each in mass] if both else [None, None])
    return shown, teams, chances


TWINS = {"team-draft": team_draft_twin, "balanced": balanced_twin, "probabilistic": probabilistic_twin}
one_list = st.lists(st.integers(1, 8), unique=True, min_size=1, max_size=6)


@pytest.mark.parametrize("method", METHODS)
@given(
    a=st.dictionaries(st.integers(0, 4), one_list), b=st.dictionaries(st.integers(0, 4), one_list), k=st.integers(1, 7)
)
@settings(max_examples=120, deadline=None)
def test_equals_the_plain_algorithm(method, a, b, k):
    found = interleave(frame(a), frame(b), k=k, method=method, seed=5)
    both = sorted(set(a) & set(b))
    assert found.users.to_list() == both
    assert (found.defects.only_in_a, found.defects.only_in_b) == (len(a) - len(both), len(b) - len(both))
    draws = uniforms(user_keys(pl.Series(both, dtype=pl.Int64), derived_int(5, _STREAM)), 2 * k)
    rows = found.to_polars()
    for user, randoms in zip(both, draws, strict=True):
        shown, teams, *chances = TWINS[method](a[user], b[user], k, randoms)
        mine = rows.filter(user_id=user)
        assert mine["item_id"].to_list() == shown
        assert mine["team"].to_list() == teams
        for side, whole in (("a", a[user]), ("b", b[user])):
            wanted = [whole.index(item) + 1 if item in whole else None for item in shown]
            assert mine[f"rank_{side}"].to_list() == wanted
        if chances:
            for place, side in enumerate("ab"):
                assert mine[f"chance_{side}"].to_list() == pytest.approx([pair[place] for pair in chances[0]])


@pytest.mark.parametrize("method", METHODS)
def test_a_users_list_depends_on_the_user_alone(method):
    rng = np.random.default_rng(3)
    lists = [{user: rng.permutation(9).tolist()[:6] for user in range(40)} for _ in range(2)]
    whole = interleave(*map(frame, lists), k=5, method=method, seed=11).to_polars()
    mixed = [frame(each).sample(fraction=1.0, shuffle=True, seed=1) for each in lists]
    assert interleave(*mixed, k=5, method=method, seed=11).to_polars().equals(whole)
    some = [each.filter(pl.col("user_id") % 3 == 1) for each in mixed]
    part = interleave(*some, k=5, method=method, seed=11).to_polars()
    assert part.equals(whole.filter(pl.col("user_id") % 3 == 1))
    assert not interleave(*mixed, k=5, method=method, seed=12).to_polars().equals(whole)


def test_coins_are_fair_and_not_those_of_an_explorer_with_the_same_seed():
    n = 20_000
    a, b = frame({key: [1] for key in range(n)}), frame({key: [2] for key in range(n)})
    first = interleave(a, b, k=1, seed=4)
    share = (first.teams[:, 0] == 0).mean()
    assert abs(share - 0.5) < 4 * 0.5 / np.sqrt(n)
    other = uniforms(user_keys(first.users, 4), 1)[:, 0] < 0.5
    assert abs(((first.teams[:, 0] == 0) == other).mean() - 0.5) < 4 * 0.5 / np.sqrt(n)


def test_recorded_chances_are_the_frequencies():
    n, a, b = 40_000, [1, 2, 3], [3, 1, 2]
    found = interleave(
        frame(dict.fromkeys(range(n), a)), frame(dict.fromkeys(range(n), b)), k=3, method="probabilistic"
    )
    rows = found.to_polars()
    lists = rows.group_by("user_id", maintain_order=True).agg(
        "item_id", p=((pl.col("chance_a") + pl.col("chance_b")) / 2).product()
    )
    counts = lists.group_by("item_id").agg(pl.len(), pl.col("p").first(), spread=pl.col("p").max() - pl.col("p").min())
    assert len(counts) == 6
    assert counts["spread"].max() < 1e-12
    assert counts["p"].sum() == pytest.approx(1)
    error = np.sqrt(counts["p"] * (1 - counts["p"]) / n)
    assert (((counts["len"] / n) - counts["p"]).abs() < 4 * error).all()  # 6 counts, 4 standard errors each


def test_repeats_ties_gaps_and_text_ids():
    a = pl.DataFrame({"user_id": ["ann"] * 4, "item_id": ["x", "z", "y", "x"], "rank": [10.0, 20.0, 20.0, 30.0]})
    b = a.head(1)
    found = interleave(a, b, k=4)
    assert found.defects[:2] == (1, 2)
    rows = found.to_polars()
    assert rows["item_id"].to_list() == ["x", "y", "z"]
    assert rows["team"].to_list()[1:] == [None, None]
    assert rows["rank_a"].to_list() == [1, 2, 3]
    assert "nobody" in str(found.view().notes)


def test_takes_recommendations_and_pandas():
    lists = rs.Recommendations(
        pl.Series("user_id", [1]), Vocabulary.from_ids([10, 20]), np.array([[1, 0]], np.int32),
        np.array([[0.5, 0.1]], np.float32), np.array([0], np.uint8),
    )  # fmt: skip
    found = interleave(lists, lists.to_pandas(), k=2)
    assert found.to_polars()["item_id"].to_list() == [20, 10]
    assert len(found) == 1
    assert found.to_dict()["lists"][0]["rank_a"] == 1


def test_nobody_in_common_is_an_empty_interleaving():
    found = interleave(frame({1: [1]}), frame({2: [1]}))
    assert len(found) == 0
    assert found.to_polars().height == 0
    assert found.defects[2:] == (1, 1)


@pytest.mark.parametrize(
    ("a", "options", "error"),
    [
        (frame({1: [1]}).drop("rank"), {}, DataError),
        (frame({1: [1]}).with_columns(rank=pl.lit(None, pl.Int64)), {}, DataError),
        (frame({1: [1]}).with_columns(rank=pl.lit("1")), {}, DataError),
        (frame({1: [1]}).with_columns(user_id=pl.lit("1")), {}, DataError),
        (frame({1: [1]}), {"k": 0}, ArgumentError),
        (frame({1: [1]}), {"method": "optimized"}, ArgumentError),
        (frame({1: [1]}), {"names": ("a", "a")}, ArgumentError),
        (frame({1: [1]}), {"seed": -1}, ArgumentError),
        (frame({1: [1]}), {"method": "probabilistic", "tau": float("nan")}, ArgumentError),
    ],
)
def test_what_is_refused(a, options, error):
    with pytest.raises(error):
        interleave(a, frame({1: [1]}), **options)


def test_team_draft_gives_each_team_one_of_each_pair_of_slots():
    rng = np.random.default_rng(0)
    lists = [{user: rng.permutation(30).tolist()[:10] for user in range(200)} for _ in range(2)]
    found = interleave(*map(frame, lists), k=10)
    pairs = found.teams.reshape(200, 5, 2)
    assert ((pairs == 2).any(axis=2) | (pairs.sum(axis=2) == 1)).all()
    assert (pairs == 2).any()


def test_team_draft_gives_equal_lists_to_both():
    lists = frame({1: [3, 1, 2], 2: [5, 6, 7]})
    assert interleave(lists, lists, k=3).to_polars()["team"].to_list() == ["both"] * 6


def test_every_prefix_of_balanced_holds_equal_tops():
    """Joachims 2003: each top of the merged list is the union of tops of both, as long or one apart."""
    for a, b in itertools.product(itertools.permutations(range(4)), repeat=2):
        slots = (
            interleave(frame({7: list(a)}), frame({7: list(b)}), k=4, method="balanced")
            .to_polars()["item_id"]
            .to_list()
        )
        for top in range(1, 5):
            unions = [set(a[:i]) | set(b[:j]) for i in range(5) for j in (i - 1, i, i + 1) if 0 <= j <= 4]
            assert set(slots[:top]) in unions
