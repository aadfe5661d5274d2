import numpy as np
import pytest
from scipy.sparse import csr_array

from recsys.core.errors import ArgumentError, DataError
from recsys.metrics import MetricContext, catalogue_metrics, catalogue_pseudo_values, gini

EVENTS = np.array([9, 5, 2, 0, 1])
LISTS = np.array([[0, 1], [0, 4], [0, -1]], np.int32)


def value(metric: str, lists: np.ndarray = LISTS, **context: object) -> float:
    known = MetricContext(**{"item_events": EVENTS, **context})
    return catalogue_metrics(lists, [metric], known)[metric].estimate


def test_coverage_is_of_the_items_that_could_be_recommended() -> None:
    assert value("coverage@2") == 3 / 4
    assert value("coverage@1") == 1 / 4
    assert value("coverage@2", catalogue=np.ones(5, bool)) == 3 / 5
    assert value("coverage@2", catalogue=np.array([1, 1, 0, 0, 0], bool)) == 1.0


def test_gini_is_the_mean_difference_of_counts() -> None:
    counts = np.array([3.0, 1.0, 0.0, 1.0])  # of the four items with events
    by_definition = np.abs(counts[:, None] - counts).sum() / (2 * 4 * counts.sum())
    assert value("gini@2") == pytest.approx(by_definition)
    assert gini(np.ones(7)) == pytest.approx(0)


def test_popularity_lift_compares_lists_with_histories() -> None:
    history = csr_array(np.array([[0, 1, 1, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0]], np.float32))
    got, own = np.mean([7.0, 5.0]), np.mean([3.5, 5.0])  # the third user has no history
    assert value("popularity_lift@2", history=history) == pytest.approx(got / own - 1)


@pytest.mark.parametrize("metric", ["coverage@5", "gini@5"])
def test_interval_covers_the_mean_over_samples_of_users(metric: str) -> None:
    rng = np.random.default_rng(1)
    taste = 1 / np.arange(1, 301) ** 1.1

    def lists() -> np.ndarray:
        keys = rng.exponential(size=(150, 300)) / taste
        return np.argsort(keys, axis=1)[:, :5].astype(np.int32)

    known = MetricContext(item_events=np.ones(300, int))
    found = [catalogue_metrics(lists(), [metric], known)[metric] for _ in range(200)]
    truth = np.mean([one.estimate for one in found])
    assert np.mean([one.ci_low <= truth <= one.ci_high for one in found]) >= 0.93
    spread = np.std([one.estimate for one in found])
    assert 0.9 < np.mean([one.standard_error for one in found]) / spread < 1.35


@pytest.mark.parametrize("metric", ["coverage@4", "gini@4", "popularity_lift@4"])
def test_the_standard_error_is_that_of_leaving_each_user_out(metric: str) -> None:
    rng = np.random.default_rng(2)
    lists = np.argsort(rng.random((12, 30)) ** np.arange(1, 31), axis=1)[:, :4].astype(np.int32)
    lists[3, 2:] = -1
    history = csr_array((rng.random((12, 30)) < 0.4).astype(np.float32))
    events = rng.integers(0, 9, 30)
    kept = [np.delete(np.arange(12), user) for user in range(12)]
    without = np.array([value(metric, lists[rows], item_events=events, history=history[rows]) for rows in kept])
    found = catalogue_metrics(lists, [metric], MetricContext(item_events=events, history=history))[metric]
    assert found.standard_error == pytest.approx(np.sqrt(11 * without.var()), rel=1e-9)


def test_the_interval_holds_the_estimate() -> None:
    found_by_name = catalogue_metrics(LISTS, ["coverage@2", "gini@2"], MetricContext(item_events=EVENTS))
    for found in found_by_name.values():
        assert 0 <= found.ci_low <= found.estimate <= found.ci_high <= 1
        assert (found.n, found.status) == (3, "ok")


def test_statuses() -> None:
    known = MetricContext(item_events=EVENTS)
    empty = np.full((4, 2), -1, np.int32)
    assert catalogue_metrics(empty, ["gini@2"], known)["gini@2"].status == "undefined"
    assert catalogue_metrics(empty, ["coverage@2"], known)["coverage@2"].estimate == 0
    found = catalogue_metrics(LISTS[:1], ["coverage@2"], known)["coverage@2"]
    assert (found.status, found.estimate) == ("too_few", 0.5)
    assert catalogue_metrics(LISTS[:0], ["coverage@2"], known)["coverage@2"].status == "too_few"


def test_mistakes_are_answered() -> None:
    with pytest.raises(ArgumentError, match="use user_metrics"):
        value("recall@2")
    with pytest.raises(ArgumentError, match="popularity_lift@2 needs history"):
        value("popularity_lift@2")
    with pytest.raises(ArgumentError, match="2 slots"):
        value("gini@3")
    with pytest.raises(DataError, match="code 8"):
        value("gini@2", lists=LISTS + 4)


def test_paired_pseudo_values_give_the_error_of_a_difference() -> None:
    rng = np.random.default_rng(4)
    taste = 1 / np.arange(1, 201)
    known, found = MetricContext(item_events=np.ones(200, int)), []
    for _ in range(150):
        keys = rng.exponential(size=(100, 200)) / taste
        arms = [
            np.argsort(noisy, axis=1)[:, :5].astype(np.int32) for noisy in (keys, keys * rng.random((100, 200)) ** 0.1)
        ]
        ours, theirs = (catalogue_pseudo_values(lists, ["gini@5"], known)["gini@5"] for lists in arms)
        values = [catalogue_metrics(lists, ["gini@5"], known)["gini@5"].estimate for lists in arms]
        found.append((values[0] - values[1], np.std(ours - theirs, ddof=1) / 10))
    differences, errors = np.array(found).T
    assert 0.8 < errors.mean() / differences.std() < 1.4
