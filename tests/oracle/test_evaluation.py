"""`evaluate` against a naive evaluation in plain Python, user by user, on random logs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.dataset import Dataset, Relevance
from recsys.evaluation import evaluate
from recsys.models.base import Recommender

USERS, ITEMS, K = 6, 8, 4
METRICS = [f"{name}@{K}" for name in ("recall", "precision", "hit_rate", "ndcg", "map", "mrr", "coverage")] + ["auc"]
ROWS = st.tuples(st.integers(0, USERS - 1), st.integers(0, ITEMS - 1), st.integers(1, 5))


class Tabled(Recommender):
    """Serves a table of scores."""

    name = "tabled"

    def __init__(self, table=None):
        self.table = table

    def check_params(self):
        pass

    def _fit(self, data, matrix, *, validation, progress):
        pass

    def _score_block(self, block):
        return np.ascontiguousarray(self.table[block.codes])


def naive(train, test, table, at_least, exclude_seen, on_cold):
    """Return ({metric: {user: value}}, coverage) by the definitions, with lists and sets only."""
    seen = {user: {i for u, i, _ in train if u == user} for user in range(USERS)}
    candidates = {i for _, i, _ in train}
    popularity = {item: len({u for u, i, _ in train if i == item}) for item in range(ITEMS)}
    found = {name: {} for name in METRICS}
    listed = set()
    for user in range(USERS):
        relevant = {i for u, i, value in test if u == user and value >= at_least}
        relevant -= seen[user] if exclude_seen else set()
        cold = not seen[user]
        if not relevant or (cold and on_cold == "skip"):
            continue
        score = (lambda item: popularity[item]) if cold else (lambda item, user=user: table[user, item])
        open_items = candidates - (seen[user] if exclude_seen else set())
        ranked = sorted(open_items, key=lambda item: (-score(item), item))
        top = ranked[:K]
        listed |= set(top)
        hits = [item in relevant for item in top]
        found[f"recall@{K}"][user] = sum(hits) / len(relevant)
        found[f"precision@{K}"][user] = sum(hits) / K
        found[f"hit_rate@{K}"][user] = float(any(hits))
        best = sum(1 / math.log2(rank + 2) for rank in range(min(K, len(relevant))))
        found[f"ndcg@{K}"][user] = sum(1 / math.log2(rank + 2) for rank, hit in enumerate(hits) if hit) / best
        precisions = [sum(hits[: rank + 1]) / (rank + 1) for rank, hit in enumerate(hits) if hit]
        found[f"map@{K}"][user] = sum(precisions) / min(K, len(relevant))
        found[f"mrr@{K}"][user] = next((1 / (rank + 1) for rank, hit in enumerate(hits) if hit), 0.0)
        others = [item for item in open_items if item not in relevant]
        wins = [
            0.0
            if item not in open_items
            else 1.0
            if score(item) > score(o)
            else 0.5
            if score(item) == score(o)
            else 0.0
            for item in relevant
            for o in others
        ]
        found["auc"][user] = sum(wins) / len(wins) if wins else math.nan
    return found, len(listed) / len(candidates)


@settings(deadline=None, max_examples=120)
@given(
    st.lists(ROWS, min_size=3, max_size=30),
    st.lists(ROWS, min_size=3, max_size=30),
    st.integers(0, 2**31),
    st.sampled_from([1, 4]),
    st.booleans(),
    st.sampled_from(["fallback", "skip"]),
)
def test_evaluate_equals_the_definitions_in_every_user(train, test, seed, at_least, exclude_seen, on_cold):
    table = np.random.default_rng(seed).integers(0, 6, (USERS, ITEMS)).astype(np.float32)  # many ties
    everything = _dataset([(user, item, 1) for user in range(USERS) for item in range(ITEMS)], None, 1)
    part = _dataset(test, everything, at_least)
    model = Tabled(table).fit(_dataset(train, everything, 1))
    expected, coverage = naive(train, test, table, at_least, exclude_seen, on_cold)
    if not expected["auc"]:
        with pytest.raises(ValueError, match="nobody can be measured"):
            _run(model, part, exclude_seen, on_cold)
        return
    found = _run(model, part, exclude_seen, on_cold)
    for name in METRICS:
        if name.startswith("coverage"):
            assert found[name] == pytest.approx(coverage)
            continue
        assert found.users.to_list() == list(expected[name])
        np.testing.assert_allclose(found.values[name], list(expected[name].values()), rtol=1e-12, atol=1e-15)


def _run(model, part, exclude_seen, on_cold):
    return evaluate(model, part, METRICS, seen_data="allow", exclude_seen=exclude_seen, on_cold=on_cold, n_threads=1)


def _dataset(rows, like, at_least):
    users, items, values = zip(*rows, strict=True)
    frame = {"user_id": list(users), "item_id": list(items), "value": list(values)}
    return Dataset.from_frame(frame, like=like, relevance=Relevance(at_least=at_least))
