"""Credit and preference: the papers' rules by brute force, known biases, error rates, and clicks that do not fit."""

from __future__ import annotations

import itertools
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.core.errors import ArgumentError, DataError
from recsys.experiment import analyze_interleaving, interleave, interleaving_power, interleaving_sample_size

METHODS = ("team-draft", "balanced", "probabilistic")
LISTS_SCHEMA = {"user_id": pl.Int64, "item_id": pl.Int64, "rank": pl.Int64}


def same_lists(users, items):
    return pl.DataFrame(
        {
            "user_id": np.repeat(np.arange(users), len(items)),
            "item_id": np.tile(items, users),
            "rank": np.tile(np.arange(1, len(items) + 1), users),
        }
    )


def random_lists(users, depth, items, rng):
    order = np.argsort(rng.random((users, items)), axis=1)[:, :depth]
    return pl.DataFrame(
        {
            "user_id": np.repeat(np.arange(users), depth),
            "item_id": order.ravel(),
            "rank": np.tile(np.arange(1, depth + 1), users),
        }
    )


def click_one_at_random(lists, rng):
    """Every user clicks one shown item, whatever it is."""
    rows = lists.to_polars()
    place = rng.integers(1, lists.k + 1, len(lists))
    return rows.filter(pl.col("rank") == pl.Series(place).gather(rows["user_id"])).select("user_id", "item_id")


def test_balanced_is_biased_under_random_clicks_and_the_others_are_not():
    """Radlinski, Kurup & Joachims 2008, section 3.2: the shift of a list by one wins three times of four."""
    n, rng = 20_000, np.random.default_rng(1)
    a, b = same_lists(n, [1, 2, 3, 4]), same_lists(n, [2, 3, 4, 1])
    error = 1 / np.sqrt(n)  # a preference lies between −1 and 1
    found = {}
    for method in METHODS:
        lists = interleave(a, b, k=4, method=method, seed=2)
        found[method] = analyze_interleaving(lists, click_one_at_random(lists, rng), resamples=50).preference.estimate
    assert abs(found["balanced"] - 0.5) < 4 * error
    assert abs(found["team-draft"]) < 4 * error
    assert abs(found["probabilistic"]) < 4 * error


def test_team_draft_is_blind_where_only_the_third_item_is_relevant():
    """Hofmann, Whiteson & de Rijke 2011, section 3: team-draft sees nothing although b ranks it higher."""
    n = 20_000
    a, b = same_lists(n, [1, 2, 3, 4]), same_lists(n, [2, 3, 4, 1])
    clicks = pl.DataFrame({"user_id": np.arange(n), "item_id": np.full(n, 3)})
    found = {
        method: analyze_interleaving(interleave(a, b, k=4, method=method, seed=2), clicks, resamples=50)
        for method in METHODS
    }
    assert found["team-draft"].clicks.shared == n  # either coin puts it third
    assert found["team-draft"].preference.status == "too_few"
    assert found["probabilistic"].preference.ci_low > 0.1
    assert found["balanced"].preference.estimate == 1.0  # every click on item 3 is b's


def test_balanced_credit_is_the_rule_of_the_paper():
    rng = np.random.default_rng(8)
    users = 300
    lists = interleave(random_lists(users, 6, 9, rng), random_lists(users, 6, 9, rng), k=6, method="balanced", seed=1)
    rows = lists.to_polars()
    clicks = rows.filter(pl.Series(rng.random(len(rows)) < 0.3)).filter(pl.col("team").is_not_null())
    found = analyze_interleaving(lists, clicks.select("user_id", "item_id"), resamples=50).per_user
    for user, credit_a, credit_b, _ in found.iter_rows():
        mine = clicks.filter(user_id=user).sort("rank")
        lowest = mine.row(-1, named=True)
        k = min(rank for rank in (lowest["rank_a"], lowest["rank_b"]) if rank is not None)
        assert credit_a == sum(rank is not None and rank <= k for rank in mine["rank_a"])
        assert credit_b == sum(rank is not None and rank <= k for rank in mine["rank_b"])


def test_probabilistic_credit_is_the_mean_over_all_assignments():
    lists = interleave(same_lists(30, [1, 2, 3, 4]), same_lists(30, [4, 2, 5, 6]), k=4, method="probabilistic", seed=3)
    rows = lists.to_polars()
    clicks = rows.filter(pl.col("rank").is_in([1, 3]))
    found = analyze_interleaving(lists, clicks.select("user_id", "item_id"), resamples=50).per_user
    for user, credit_a, credit_b, _ in found.iter_rows():
        mine = rows.filter(user_id=user)
        chance = mine.select("chance_a", "chance_b").to_numpy()
        clicked = mine["rank"].is_in([1, 3]).to_numpy()
        total, expected = 0.0, np.zeros(2)
        for teams in itertools.product((0, 1), repeat=4):
            weight = np.prod([chance[slot, side] for slot, side in enumerate(teams)])
            total += weight
            expected += weight * np.array([(clicked & (np.array(teams) == side)).sum() for side in (0, 1)])
        assert (credit_a, credit_b) == pytest.approx(tuple(expected / total), rel=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_error_rate_of_equal_rankers(method):
    """5 % of 4,000 experiments of 30 users; a share of 6 % is 2.9 standard errors (0.34 points) away.

    The rankers are equal: all lists are random orders, and users click by position and item, not by ranker.
    """
    experiments, size, k, rng = 4000, 30, 3, np.random.default_rng(17)
    n = experiments * size
    lists = interleave(random_lists(n, k, 4, rng), random_lists(n, k, 4, rng), k=k, method=method, seed=6)
    rows = lists.to_polars()
    chance = (0.9 / rows["rank"] * (0.4 + 0.15 * rows["item_id"])).to_numpy()
    clicks = rows.filter(pl.Series(rng.random(len(rows)) < chance)).select("user_id", "item_id")
    per_user = analyze_interleaving(lists, clicks, resamples=2).per_user
    trial, value = (per_user["user_id"] // size).to_numpy(), per_user["preference"].to_numpy()
    counts = np.bincount(trial, minlength=experiments)
    mean = np.bincount(trial, value, experiments) / counts
    squares = np.bincount(trial, (value - mean[trial]) ** 2, experiments)
    t = mean / np.sqrt(squares / (counts - 1) / counts)
    from scipy.special import stdtr

    pvalues = 2 * stdtr(counts - 1, -np.abs(t))
    assert abs((pvalues < 0.05).mean() - 0.05) < 0.01
    assert abs((pvalues < 0.5).mean() - 0.5) < 0.03  # uniform in the middle too; discrete outcomes


def test_interval_is_that_of_the_users_and_pooled_that_of_the_delta_method():
    rng = np.random.default_rng(4)
    lists = interleave(random_lists(400, 5, 8, rng), random_lists(400, 5, 8, rng), k=5, seed=1)
    rows = lists.to_polars()
    clicks = rows.filter(pl.Series(rng.random(len(rows)) < 0.3)).select("user_id", "item_id")
    found = analyze_interleaving(lists, clicks, resamples=4000)
    from scipy import stats

    values = found.per_user["preference"].to_numpy()
    wanted = stats.ttest_1samp(values, 0.0)
    assert found.preference.pvalue == pytest.approx(wanted.pvalue, rel=1e-9)
    low, high = wanted.confidence_interval(0.95)
    assert (found.preference.ci_low, found.preference.ci_high) == pytest.approx((low, high), rel=1e-9)
    # the percentiles of 4,000 resamples are good to about 3 % of the interval's half-width
    half = (high - low) / 2
    assert (found.bootstrap.ci_low, found.bootstrap.ci_high) == pytest.approx((low, high), abs=0.1 * half)
    a, b = (found.per_user[f"credit_{side}"].to_numpy() for side in "ab")
    n, ratio = len(a), (b - a).sum() / (a + b).sum()
    (vd, cov), (_, vs) = np.cov(b - a, a + b)
    error = np.sqrt((vd - 2 * ratio * cov + ratio**2 * vs) / n) / (a + b).mean()
    assert found.pooled.estimate == pytest.approx(ratio, rel=1e-12)
    assert found.pooled.standard_error == pytest.approx(error, rel=1e-9)


clicked = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 9), st.sampled_from([1.0, 2.5, -1.0, float("nan"), None]))
)


@given(rows=clicked, valued=st.booleans(), method=st.sampled_from(METHODS))
@settings(max_examples=80, deadline=None)
def test_every_click_is_accounted_for(rows, valued, method):
    rng = np.random.default_rng(2)
    lists = interleave(random_lists(5, 3, 6, rng), random_lists(4, 5, 6, rng), k=4, method=method)
    clicks = pl.DataFrame(rows, schema={"user_id": pl.Int64, "item_id": pl.Int64, "minutes": pl.Float64}, orient="row")
    found = analyze_interleaving(lists, clicks, value="minutes" if valued else None, resamples=10)
    assert sum(found.clicks[1:]) == found.clicks.rows == len(rows)
    shown = set(lists.to_polars().select("user_id", "item_id").rows())
    assert found.clicks.without_list == sum(user > 3 for user, _, _ in rows)
    assert found.clicks.not_shown == sum(user <= 3 and (user, item) not in shown for user, item, _ in rows)
    backwards = analyze_interleaving(
        lists.to_polars().reverse(), clicks.reverse(), value="minutes" if valued else None, resamples=10
    )
    assert backwards.per_user.equals(found.per_user)


def test_requests_are_credited_one_by_one():
    lists = interleave(same_lists(1, [1, 2]), same_lists(1, [3, 4]), k=2, seed=1)
    item = lists.to_polars().filter(team="b")["item_id"][0]
    clicks = pl.DataFrame({"user_id": [0, 0, 0], "item_id": [item] * 3, "request_id": [1, 1, 2]})
    found = analyze_interleaving(lists, clicks)
    assert found.per_user["credit_b"].to_list() == [2.0]
    assert found.clicks.repeated == 1
    assert analyze_interleaving(lists, clicks.drop("request_id")).per_user["credit_b"].to_list() == [1.0]


def test_nothing_to_say_has_a_status_and_words():
    lists = interleave(same_lists(3, [1, 2]), same_lists(3, [2, 1]), k=2)
    none = analyze_interleaving(lists, pl.DataFrame(schema={"user_id": pl.Int64, "item_id": pl.Int64}))
    assert none.preference.status == none.pooled.status == none.signs.status == "too_few"
    assert "nothing can be said" in none.summary
    assert none.to_polars()["estimate"].null_count() == 4
    foreign = analyze_interleaving(lists, pl.DataFrame({"user_id": [9], "item_id": [1]}))
    assert "no click fits" in foreign.warnings[0]
    alike = interleave(same_lists(40, [1, 2]), same_lists(40, [3, 4]), k=1, seed=1)
    rows = alike.to_polars().filter(team="b")
    sure = analyze_interleaving(alike, rows.select("user_id", "item_id"))
    assert sure.preference.status == "zero_variance"
    assert sure.signs.pvalue < 1e-3
    assert "sign test" in sure.summary
    assert repr(sure)


def test_results_are_plain_and_named():
    lists = interleave(same_lists(60, [1, 2]), same_lists(60, [3, 4]), k=2, names=("pop", "als"), seed=1)
    rows = lists.to_polars().filter((pl.col("team") == "b") | (pl.col("user_id") < 8))
    found = analyze_interleaving(lists, rows.select("user_id", "item_id"))
    assert found.summary.startswith("users prefer als")
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["names"] == ["pop", "als"]
    assert plain["users_with_credit"] == 60
    assert plain["credit"] == {"pop": 8.0, "als": 60.0}
    assert plain["signs"] == {"wins": 52, "ties": 8, "losses": 0}
    needed = found.users_needed(0.1, power=0.9)
    assert needed == interleaving_sample_size(0.1, spread=found.spread, power=0.9)


@pytest.mark.parametrize(
    ("lists", "clicks", "error"),
    [
        (same_lists(1, [1, 2]), same_lists(1, [1]), DataError),
        (interleave(same_lists(1, [1]), same_lists(1, [2])), pl.DataFrame({"user_id": [0]}), DataError),
        (
            interleave(same_lists(1, [1]), same_lists(1, [2])),
            pl.DataFrame({"user_id": ["0"], "item_id": [1]}),
            DataError,
        ),
        (
            interleave(same_lists(1, [1]), same_lists(1, [2])).to_polars().with_columns(method=pl.lit("x")),
            same_lists(1, [1]),
            ArgumentError,
        ),
        (
            pl.concat([interleave(same_lists(1, [1]), same_lists(1, [2])).to_polars()] * 2),
            same_lists(1, [1]),
            DataError,
        ),
    ],
)
def test_what_is_refused(lists, clicks, error):
    with pytest.raises(error):
        analyze_interleaving(lists, clicks)


def test_power_is_that_of_statsmodels():
    from statsmodels.stats.power import normal_power

    for users, preference, spread, active in ((100, 0.1, 0.8, 1.0), (1000, -0.05, 0.9, 0.4), (30, 0.0, 1.0, 1.0)):
        wanted = normal_power(preference / spread, users * active, 0.05)
        assert interleaving_power(users, preference, spread=spread, active=active) == pytest.approx(wanted, rel=1e-9)
    n = interleaving_sample_size(0.04, spread=0.9, active=0.6, power=0.95)
    assert interleaving_power(n, 0.04, spread=0.9, active=0.6) >= 0.95
    assert interleaving_power(n - 1, 0.04, spread=0.9, active=0.6) < 0.95
    with pytest.raises(ArgumentError):
        interleaving_sample_size(0.0)
