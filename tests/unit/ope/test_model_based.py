"""Estimators with a reward model in bandits of known truth, and MIPS by enumeration."""

import numpy as np
import pytest

from recsys.core.errors import ArgumentError
from recsys.ope.choosing import least_error, slope
from recsys.ope.estimators import clipped_ips, ips, snips
from recsys.ope.intervals import delta_interval
from recsys.ope.model_based import dm, dr, mips_weights, row_sums, shrunk_dr, sndr, switch_dr
from recsys.ope.policies import Actions
from recsys.ope.regression import Features
from recsys.ope.rewards import cross_fitted
from recsys.ope.units import Units

N_ITEMS = 6
LOGGING = np.array([0.4, 0.2, 0.15, 0.1, 0.1, 0.05])
TARGET = np.array([0.05, 0.1, 0.1, 0.2, 0.25, 0.3])
QUALITY = np.array([0.2, 0.3, 0.4, 0.6, 0.7, 0.8])
TRUTH = float(TARGET @ QUALITY)


def everywhere(probabilities, n):
    """A policy that does the same in every row."""
    size = len(probabilities)
    codes = np.tile(np.arange(size, dtype=np.int32), n)
    return Actions(np.arange(0, n * size + 1, size), codes, np.tile(probabilities, n))


def bandit(rng, n):
    shown = rng.choice(N_ITEMS, size=n, p=LOGGING)
    return shown, (TARGET / LOGGING)[shown], (rng.random(n) < QUALITY[shown]).astype(float)


@pytest.fixture(scope="module")
def runs():
    """Cross-fitted in 600 logs of 500 rows."""
    rng, policy, made = np.random.default_rng(12), everywhere(TARGET, 500), []
    for _ in range(600):
        shown, w, r = bandit(rng, 500)
        q = cross_fitted(r, shown, policy, Features(n_items=N_ITEMS), folds=2)
        args = (w, r, q.logged, q.target)
        made.append([ips(w, r), dr(*args), sndr(*args), switch_dr(*args, threshold=3), shrunk_dr(*args, shrinkage=1e9)])
    return made


@pytest.mark.parametrize(("place", "name"), [(0, "ips"), (1, "dr"), (2, "sndr")])
def test_unbiased_and_covered(runs, place, name):
    found = [one[place] for one in runs]
    values = np.array([one.value for one in found])
    assert found[0].estimator == name
    assert abs(values.mean() - TRUTH) < 4 * values.std() / np.sqrt(len(values))
    ends = [delta_interval(one) for one in found]
    assert 0.92 <= np.mean([one.ci_low <= TRUTH <= one.ci_high for one in ends]) <= 0.98  # 3 standard errors: 0.027


def test_dr_varies_less_than_ips(runs):
    spread = np.array([[found.value for found in one] for one in runs]).std(axis=0)
    assert spread[1] < 0.8 * spread[0]
    assert spread[3] < spread[1]  # switched off above 3


def test_limits_of_switch_and_shrinkage():
    rng = np.random.default_rng(2)
    w, r, q, target = rng.gamma(1, size=50), rng.random(50), rng.random(50), rng.random(50)
    full, direct = dr(w, r, q, target).value, dm(target).value
    assert switch_dr(w, r, q, target, threshold=w.max()).value == pytest.approx(full, rel=1e-14)
    assert switch_dr(w, r, q, target, threshold=0).value == pytest.approx(direct, rel=1e-14)
    assert shrunk_dr(w, r, q, target, shrinkage=0).value == pytest.approx(direct, rel=1e-14)
    assert shrunk_dr(w, r, q, target, shrinkage=1e14).value == pytest.approx(full, rel=1e-10)
    shrunk = 2.0 * w / (w**2 + 2.0)
    assert shrunk_dr(w, r, q, target, shrinkage=2).value == pytest.approx(np.mean(target + shrunk * (r - q)), rel=1e-12)
    sn = np.mean(target) + np.sum(w * (r - q)) / np.sum(w)
    assert sndr(w, r, q, target).value == pytest.approx(sn, rel=1e-12)


def test_dr_with_clusters_covers():
    rng, inside = np.random.default_rng(3), []
    for _ in range(400):
        sizes = rng.integers(1, 8, 120)
        users = np.repeat(np.arange(120), sizes)
        taste = rng.uniform(0.2, 1.2, 120)[users]
        shown = rng.choice(N_ITEMS, size=len(users), p=LOGGING)
        r = (rng.random(len(users)) < QUALITY[shown] * taste).astype(float)
        q = cross_fitted(r, shown, everywhere(TARGET, len(r)), Features(n_items=N_ITEMS), groups=users, folds=2)
        found = dr((TARGET / LOGGING)[shown], r, q.logged, q.target, Units.of("impression", users=users))
        end = delta_interval(found)
        inside.append(end.ci_low <= TRUTH * 0.7 <= end.ci_high)
    assert 0.91 <= np.mean(inside) <= 0.985  # 3 standard errors: 0.033


def test_the_direct_method_covers_when_its_model_is_right():
    rng, inside, naive = np.random.default_rng(4), [], []
    for _ in range(300):
        users = np.repeat(np.arange(150), rng.integers(1, 8, 150))
        shown = rng.choice(N_ITEMS, size=len(users), p=LOGGING)
        r = (rng.random(len(users)) < QUALITY[shown] * rng.uniform(0.2, 1.2, 150)[users]).astype(float)
        policy, units = everywhere(TARGET, len(r)), Units.of("impression", users=users)
        q = cross_fitted(r, shown, policy, Features(n_items=N_ITEMS), groups=users, pull=True)
        for found, kept in ((dm(q.target, units, pull=q.pull), inside), (dm(q.target, units), naive)):
            end = delta_interval(found)
            kept.append(end.ci_low <= TRUTH * 0.7 <= end.ci_high)
    assert 0.91 <= np.mean(inside) <= 0.985  # 3 standard errors: 0.038
    assert np.mean(naive) < 0.3  # taking the model for the truth


def test_mips_is_exact_when_the_category_is_all_that_counts():
    category = np.array([0, 0, 1, 1, 2, 2])
    quality = np.array([0.2, 0.5, 0.9])[category]
    w = mips_weights(everywhere(TARGET, 6), everywhere(LOGGING, 6), np.arange(6), category)
    assert LOGGING @ (w * quality) == pytest.approx(TARGET @ quality, rel=1e-12)
    plain = TARGET / LOGGING
    assert LOGGING @ (w * quality) ** 2 < LOGGING @ (plain * quality) ** 2


def test_mips_refuses_a_logger_that_could_not():
    never = Actions(np.array([0, 1]), np.array([1], np.int32), np.array([1.0]))
    with pytest.raises(ArgumentError, match="no probability"):
        mips_weights(never, never, [0], [0, 1])
    with pytest.raises(ArgumentError, match="embeddings"):
        mips_weights(never, never, [1], [0])


def test_items_never_shown_have_no_category():
    target = Actions(np.array([0, 2]), np.array([-1, 0], np.int32), np.array([0.6, 0.4]))
    logging = Actions(np.array([0, 1]), np.array([0], np.int32), np.array([0.8]))
    assert mips_weights(target, logging, [0], [5]).tolist() == [0.5]


def test_row_sums_of_rows_without_entries():
    rows = Actions(np.array([0, 0, 2, 2, 3, 3]), np.zeros(3, np.int32), np.ones(3))
    assert row_sums(rows, np.array([1.0, 2.0, 4.0])).tolist() == [0, 3, 0, 4, 0]
    assert row_sums(Actions(np.zeros(3, np.int64), np.zeros(0, np.int32), np.zeros(0)), np.zeros(0)).tolist() == [0, 0]


def test_no_overlap_is_typed_with_a_model_too():
    for found in (dr([0, 0], [1, 1], [0, 0], [1, 1]), sndr([0, 0], [1, 1], [0, 0], [1, 1])):
        assert found.status == "zero_denominator"
        assert np.isnan(found.value)


def test_slope_and_least_error_lose_little_against_the_best():
    rng, clips = np.random.default_rng(4), (np.inf, 30.0, 10.0, 3.0, 1.0, 0.3)
    errors = {"slope": [], "least": [], **{clip: [] for clip in clips}}
    for _ in range(150):
        w = rng.pareto(1.6, 800)
        r = (rng.random(800) < 0.3).astype(float)
        truth = 0.3 / 0.6  # the mean of a Lomax variable of shape 1.6
        tried = [ips(w, r), *(clipped_ips(w, r, clip=clip) for clip in clips[1:])]
        for clip, one in zip(clips, tried, strict=True):
            errors[clip].append((one.value - truth) ** 2)
        errors["slope"].append((slope(tried).value - truth) ** 2)
        errors["least"].append((least_error(tried).value - truth) ** 2)
    means = {name: np.mean(one) for name, one in errors.items()}
    worst = max(means[clip] for clip in clips)
    assert means["slope"] < 0.6 * worst
    assert means["least"] < 0.6 * worst


def test_a_choice_leaves_its_caveat():
    w, r = np.random.default_rng(1).pareto(2, 300), np.ones(300)
    for choose in (slope, least_error):
        found = choose([clipped_ips(w, r, clip=clip) for clip in (100.0, 5.0)])
        assert "chosen on the same log" in found.notes[0]
        assert dict(found.parameters)["candidates"] == 2
    with pytest.raises(ArgumentError):
        slope([snips([0.0], [1.0])])
