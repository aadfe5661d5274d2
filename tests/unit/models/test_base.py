"""A model of one's own needs three methods; everything else comes with the base."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError
from recsys.dataset import Dataset, Label
from recsys.models import Recommender, base
from recsys.models.serving import Block
from recsys.scoring import Eligibility


class CoOccurrence(Recommender):
    """Counts pairs of items in histories, densely."""

    name: ClassVar[str] = "co-occurrence"

    def __init__(self, power: float = 1.0) -> None:
        self.power = power

    def check_params(self) -> None:
        if self.power <= 0:
            raise ArgumentError(f"power is {self.power}", "a number above 0 was expected")

    def _fit(self, data: Dataset, matrix: Any, *, validation: Any, progress: Any) -> None:
        self.counts_ = (matrix.T @ matrix).toarray().astype(np.float32) ** np.float32(self.power)

    def _score_block(self, block: Block) -> np.ndarray:
        return np.ascontiguousarray(block.weights @ self.counts_, dtype=np.float32)


def data() -> Dataset:
    random = np.random.default_rng(6)
    rows = {"user_id": random.integers(25, size=150), "item_id": random.integers(12, size=150)}
    return Dataset.from_frame(rows, label=Label(transform="binary"))


@pytest.mark.parametrize("cells", [1 << 24, 30])
def test_lists_are_the_sorted_scores_whatever_the_chunks(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_CELLS_PER_CHUNK", cells)
    train = data()
    model = CoOccurrence().fit(train)
    matrix = train.matrix().toarray()
    scores = matrix @ (matrix.T @ matrix)
    scores[matrix > 0] = -np.inf
    found = model.recommend(train.users, k=12)
    for row, codes in enumerate(found.lists):
        expected = [code for code in np.argsort(-scores[row], kind="stable") if np.isfinite(scores[row, code])]
        assert codes[codes >= 0].tolist() == expected


def test_everything_else_comes_with_the_base(tmp_path: Any) -> None:
    train = data()
    model = CoOccurrence(power=0.5).fit(train)
    loaded = CoOccurrence.load(model.save(tmp_path / "own"))
    rules = Eligibility().deny([3, 4]).deny_pairs({"user_id": [0], "item_id": [5]})
    options: dict[str, Any] = {"k": 4, "history": train.to_polars(), "eligibility": rules}
    first, second = (one.recommend([0, 1, 2], **options) for one in (model, loaded))
    assert first.scores.tobytes() == second.scores.tobytes()
    assert not rules.forbids(first.to_polars()["user_id"], first.to_polars()["item_id"]).any()
    assert repr(loaded) == "CoOccurrence(power=0.5)"
    assert loaded.clone().params == {"power": 0.5}


def test_parameters_are_checked_at_fit_not_before() -> None:
    model = CoOccurrence(power=-1)
    with pytest.raises(ArgumentError, match="power is -1"):
        model.fit(data())


def test_seen_pairs_without_weight_are_kept_apart_and_saved(tmp_path: Any) -> None:
    frame = pl.DataFrame({"user_id": [1, 1, 2], "item_id": ["a", "b", "a"], "value": [1.0, 0.0, 1.0]})
    model = CoOccurrence().fit(Dataset.from_frame(frame))
    assert model.history_.nnz == 2
    assert CoOccurrence.load(model.save(tmp_path / "m")).seen_.toarray().tolist() == [[1, 1], [1, 0]]
    assert model.recommend([1], k=2).lists.tolist() == [[-1, -1]]
