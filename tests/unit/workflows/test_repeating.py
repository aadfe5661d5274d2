"""`repeat`: the same numbers, or a gate that fails."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError, GateError
from recsys.models import ALS
from recsys.scoring import MMR

from .conftest import METRICS, Shop, taste_log


def test_a_training_gives_the_same_bytes(shop: Shop) -> None:
    shop.store.ingest("events", taste_log(seed=8))
    shop.store.ingest("items", pl.DataFrame({"item_id": [100, 101], "title": ["another title", None]}))
    for name in (shop.als, shop.pop, shop.served):
        run, _ = shop.store.repeat(name)
        assert run.artifact == shop.store.run(name).artifact
        assert run.parents == (name,)
        assert run.recipe == {**shop.store.run(name).recipe}


def test_measurements_come_back(shop: Shop) -> None:
    evaluated = shop.store.evaluate(shop.als, METRICS, by=["country"]).run
    reranked = shop.store.evaluate(shop.als, METRICS, rerank=MMR(0.2)).run
    assert reranked.metrics != evaluated.metrics
    compared = shop.store.compare([shop.pop, shop.als], METRICS).run
    other = shop.store.train("als", params={"factors": 2, "iterations": 2}, event="play", holdout="10d").run
    twins = shop.store.compare([shop.als, other.run_id], METRICS).run
    tested = shop.store.backtest({"pop": "popularity"}, windows=2, test="5d", metrics=METRICS).run
    shop.store.ingest("events", taste_log(seed=8))
    for old in (evaluated, reranked, compared, twins, tested):
        run = shop.store.repeat(old.run_id).run
        assert run.kind == old.kind
        assert sorted(map(str, run.metrics.values())) == sorted(map(str, old.metrics.values()))


def test_other_numbers_fail_the_gate(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluated = shop.store.evaluate(shop.als, METRICS).run
    fit = ALS._fit

    def drifted(self: ALS, *args: object, **options: object) -> None:
        fit(self, *args, **options)  # type: ignore[arg-type]  # whatever the base takes
        self.user_factors_ = np.roll(self.user_factors_, 1, axis=0)

    monkeypatch.setattr(ALS, "_fit", drifted)
    with pytest.raises(GateError, match=r"did not come back \(with the same versions\).*recsys runs diff"):
        shop.store.repeat(shop.als)
    with pytest.raises(GateError, match="ndcg@5 .* became"):
        shop.store.repeat(evaluated.run_id)
    with pytest.raises(GateError, match="the model has other bytes"):
        shop.store.repeat(shop.served)


def test_what_cannot_be_repeated_says_so(shop: Shop, tmp_path: Path) -> None:
    written = shop.store.recommend(shop.als, tmp_path / "recs.csv").run
    with pytest.raises(ArgumentError, match="of kind 'recommend'"):
        shop.store.repeat(written.run_id)
    from recsys.scoring import Eligibility

    ruled = shop.store.evaluate(shop.als, METRICS, eligibility=Eligibility().deny([100])).run
    with pytest.raises(ArgumentError, match="was measured with Eligibility"):
        shop.store.repeat(ruled.run_id)
    shop.store.forget("u001")
    with pytest.raises(DataError, match="a person in its data was forgotten"):
        shop.store.repeat(shop.als)
