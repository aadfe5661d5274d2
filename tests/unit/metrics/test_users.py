import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.sparse import csr_array

from recsys.core.errors import ArgumentError, DataError
from recsys.kernels import rank_counts
from recsys.metrics import MetricContext, auc, user_metrics

LISTS = np.array([[2, 0, 3], [1, -1, -1], [-1, -1, -1]], np.int32)
RELEVANCE = csr_array(np.array([[3, 0, 0, 1], [0, 0, 2, 0], [0, 0, 0, 0]], np.float32))


def one(metric: str, lists: np.ndarray = LISTS, **context: object) -> list[float]:
    return user_metrics(lists, RELEVANCE, [metric], context=MetricContext(**context))[metric].tolist()


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("recall@2", 0.5),
        ("recall@3", 1.0),
        ("precision@3", 2 / 3),
        ("hit_rate@1", 0.0),
        ("mrr@3", 0.5),
        ("map@3", (1 / 2 + 2 / 3) / 2),
        ("ndcg@3", (1 / np.log2(3) + 1 / 2) / (1 + 1 / np.log2(3))),
        ("ndcg(gain=value)@3", (3 / np.log2(3) + 1 / 2) / (3 + 1 / np.log2(3))),
        ("ndcg(gain=exp)@3", (7 / np.log2(3) + 1 / 2) / (7 + 1 / np.log2(3))),
    ],
)
def test_values_by_hand(metric: str, expected: float) -> None:
    assert one(metric) == pytest.approx([expected, 0.0, np.nan], nan_ok=True)


def test_the_order_of_the_metrics_is_kept() -> None:
    names = ["popularity@1", "ndcg@2", "recall@2", "novelty@2", "mrr@1"]
    assert list(user_metrics(LISTS, RELEVANCE, names, context=MetricContext(item_events=np.arange(4)))) == names


def test_popularity_and_novelty() -> None:
    events = np.array([4, 2, 0, 2])
    assert one("popularity@3", item_events=events) == pytest.approx([2.0, 2.0, np.nan], nan_ok=True)
    assert one("novelty@3", item_events=events) == pytest.approx([(3 + 1 + 2) / 3, 2.0, np.nan], nan_ok=True)
    assert one("popularity@1", item_events=events) == pytest.approx([0.0, 2.0, np.nan], nan_ok=True)


@given(hnp.arrays(np.float32, (6, 3), elements=st.integers(0, 2)), st.integers(1, 4))
def test_diversity_is_the_mean_over_pairs(features: np.ndarray, k: int) -> None:
    rng = np.random.default_rng(1)
    lists = np.argsort(rng.random((5, 6)), axis=1)[:, :4].astype(np.int32)
    lists[0, 2:] = -1
    context = MetricContext(item_features=csr_array(features))
    found = user_metrics(lists, csr_array((5, 6), dtype=np.float32), [f"ild@{k}"], context=context)[f"ild@{k}"]
    for user, slots in enumerate(lists[:, :k]):
        items = [
            features[item] / np.linalg.norm(features[item]) for item in slots if item >= 0 and features[item].any()
        ]
        pairs = [1 - items[i] @ items[j] for i in range(len(items)) for j in range(i)]
        assert found[user] == pytest.approx(np.mean(pairs) if pairs else np.nan, abs=1e-6, nan_ok=True)


@given(
    hnp.arrays(np.float32, (3, 8), elements=st.sampled_from([-np.inf, 0.0, 1.0, 2.0, 3.0])),
    hnp.arrays(np.bool_, (3, 8)),
)
def test_auc_counts_pairs_in_the_right_order(scores: np.ndarray, relevant: np.ndarray) -> None:
    targets = csr_array(relevant.astype(np.float32))
    found = auc(rank_counts(scores, targets), targets)
    for user in range(3):
        good, bad = scores[user][relevant[user]], scores[user][~relevant[user] & (scores[user] > -np.inf)]
        pairs = [float(a > b) + 0.5 * float(a == b) for a in good for b in bad]
        assert found[user] == pytest.approx(np.mean(pairs) if pairs else np.nan, nan_ok=True)


def test_auc_comes_from_the_context() -> None:
    counts = rank_counts(np.array([[1, 2, 3, 4], [9, 0, 5, 1], [0, 0, 0, 0]], np.float32), RELEVANCE)
    assert one("auc", rank_counts=counts) == pytest.approx([0.5, 2 / 3, np.nan], nan_ok=True)
    with pytest.raises(ArgumentError, match="do not fit"):
        auc(counts, RELEVANCE[:2])


def test_what_is_missing_is_named() -> None:
    for metric, field in [("auc", "rank_counts"), ("ild@2", "item_features"), ("novelty@2", "item_events")]:
        with pytest.raises(ArgumentError, match=f"{metric} needs {field}"):
            one(metric)
    with pytest.raises(ArgumentError, match="use catalogue_metrics"):
        one("gini@2")


@pytest.mark.parametrize("metric", ["recall@4", "popularity@4"])
def test_a_k_beyond_the_lists_is_refused(metric: str) -> None:
    with pytest.raises(ArgumentError, match="3 slots"):
        one(metric, item_events=np.arange(4))


@pytest.mark.parametrize("metric", ["recall@2", "popularity@2"])
def test_a_code_out_of_range_is_refused(metric: str) -> None:
    with pytest.raises(DataError):
        one(metric, lists=LISTS + 2, item_events=np.arange(4))
