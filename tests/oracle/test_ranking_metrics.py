"""The ranking kernel against a computation from the definitions (plain Python sets), and against its numpy twin."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from recsys.core.errors import ArgumentError, DataError, RecsysError
from recsys.kernels import RankMetric, ranking_metrics
from recsys.kernels.ranking import KINDS

WIDTH, N_ITEMS = 6, 9
SPECS = [RankMetric(kind, k, gain) for kind in KINDS for k in (1, 4, WIDTH) for gain in ("value", "exp")]
Case = tuple[np.ndarray, csr_array]


@st.composite
def cases(draw: st.DrawFn, lowest: int = 0) -> Case:
    """Lists with empty tails and repeated items; with `lowest` below 0 also faulty ones."""
    n_users = draw(st.integers(0, 5))
    lists, gains = np.full((n_users, WIDTH), -1, np.int32), np.zeros((n_users, N_ITEMS), np.float32)
    for user in range(n_users):
        slots = draw(st.lists(st.integers(lowest, N_ITEMS - 1 - lowest), max_size=WIDTH))
        lists[user, : len(slots)] = slots
        for item in draw(st.sets(st.integers(0, N_ITEMS - 1))):
            gains[user, item] = draw(st.integers(1, 5))
    return lists, csr_array(gains)


def by_definition(slots: list[int], gains: dict[int, float], spec: RankMetric) -> float:
    if not gains:
        return math.nan
    seen: set[int] = set()
    hits = []
    for item in slots[: spec.k]:
        hits.append(item in gains and item not in seen)
        seen.add(item)
    if spec.kind == "recall":
        return sum(hits) / len(gains)
    if spec.kind == "precision":
        return sum(hits) / spec.k
    if spec.kind == "hit_rate":
        return float(any(hits))
    if spec.kind == "mrr":
        return max((1 / (rank + 1) for rank, hit in enumerate(hits) if hit), default=0.0)
    if spec.kind == "map":
        precisions = [sum(hits[: rank + 1]) / (rank + 1) for rank, hit in enumerate(hits) if hit]
        return sum(precisions) / min(spec.k, len(gains))
    worth = {
        item: 1.0 if spec.kind == "ndcg" else 2**gain - 1 if spec.gain == "exp" else gain
        for item, gain in gains.items()
    }
    dcg = sum(
        worth[item] / math.log2(rank + 2) for rank, (item, hit) in enumerate(zip(slots, hits, strict=False)) if hit
    )
    best = sorted(worth.values(), reverse=True)[: spec.k]
    return dcg / sum(gain / math.log2(rank + 2) for rank, gain in enumerate(best))


def gains_of(relevance: csr_array, user: int) -> dict[int, float]:
    row = slice(*relevance.indptr[user : user + 2])
    return dict(zip(relevance.indices[row].tolist(), relevance.data[row].tolist(), strict=True))


@given(cases())
def test_every_metric_of_every_user_follows_its_definition(case: Case) -> None:
    lists, relevance = case
    found = ranking_metrics(lists, relevance, SPECS)
    for user, slots in enumerate(lists.tolist()):
        expected = [by_definition(slots, gains_of(relevance, user), spec) for spec in SPECS]
        np.testing.assert_allclose(found[user], expected, rtol=1e-12)


@settings(deadline=None)
@given(cases(lowest=-2))
def test_twin_gives_the_same_bits_and_the_same_errors(case: Case) -> None:
    outcomes = []
    for choice in ("compiled", "reference"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RECSYS_KERNELS", choice)
            try:
                outcomes.append(ranking_metrics(*case, SPECS).tobytes())
            except RecsysError as error:
                outcomes.append(repr(error).encode())
    assert outcomes[0] == outcomes[1]


def large_case() -> Case:
    rng = np.random.default_rng(1)
    lists = np.argsort(rng.random((40_000, 60)), axis=1)[:, :20].astype(np.int32)
    relevance = csr_array((rng.random((40_000, 60)) < 0.1).astype(np.float32))
    return lists, relevance


def test_threads_change_nothing_and_inputs_may_be_read_only() -> None:
    lists, relevance = large_case()
    lists.flags.writeable = relevance.indices.flags.writeable = relevance.data.flags.writeable = False
    specs = [RankMetric("ndcg", 20), RankMetric("map", 20)]
    one, three = (ranking_metrics(lists, relevance, specs, n_threads=n) for n in (1, 3))
    assert one.tobytes() == three.tobytes()


def test_permuting_users_permutes_the_values() -> None:
    lists, relevance = large_case()
    order = np.random.default_rng(2).permutation(len(lists))
    found = ranking_metrics(lists, relevance, SPECS[:4])
    permuted = ranking_metrics(lists[order], relevance[order], SPECS[:4])
    assert permuted.tobytes() == found[order].tobytes()


def test_a_perfect_list_scores_one() -> None:
    relevance = csr_array(np.array([[0, 5, 1, 3]], np.float32))
    specs = [RankMetric(kind, 3, gain) for kind in KINDS for gain in ("value", "exp")]
    assert ranking_metrics(np.array([[1, 3, 2]], np.int32), relevance, specs).tolist() == [[1.0] * len(specs)]


RELEVANCE = csr_array(np.array([[0, 1, 1, 0]], np.float32))


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ([[1, 4]], "user 0 has an item code out of range"),
        ([[-2, 1]], "user 0 has an item code out of range"),
        ([[-1, 1]], "user 0 has an item after an empty slot"),
    ],
)
def test_faulty_lists_are_refused(lists: list[list[int]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ranking_metrics(np.array(lists, np.int32), RELEVANCE, [RankMetric("recall", 2)])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (RankMetric("recal", 1), "did you mean 'recall'"),
        (RankMetric("recall", 0), "k is 0"),
        (RankMetric("recall", 3), "lists with 2 slots"),
    ],
)
def test_impossible_specs_are_refused(spec: RankMetric, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        ranking_metrics(np.array([[1, 2]], np.int32), RELEVANCE, [spec])


@pytest.mark.parametrize("gain", [0.0, -1.0, np.nan])
def test_gains_that_are_not_positive_are_refused(gain: float) -> None:
    relevance = RELEVANCE.copy()
    relevance.data[0] = gain
    with pytest.raises(DataError):
        ranking_metrics(np.array([[1, 2]], np.int32), relevance, [RankMetric("recall", 1)])


def test_a_gain_too_large_for_an_exponent_is_refused() -> None:
    with pytest.raises(DataError, match="too large"):
        ranking_metrics(np.array([[1, 2]], np.int32), RELEVANCE * 2000, [RankMetric("graded_ndcg", 1, "exp")])
