from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl
import pytest

from recsys.core.errors import DataError
from recsys.core.progress import ProgressCallback, silent
from recsys.dataset import Dataset
from recsys.evaluation import backtest, evaluate
from recsys.models import Popularity

START = datetime(2026, 1, 1)
DAYS = [START + timedelta(days=day) for day in range(20)]
LOG = pl.DataFrame(
    {
        "user_id": [1, 2] * 10,
        "item_id": [0, 1, 1, 2, 2, 3, 3, 0, 0, 1, 2, 3, 1, 2, 3, 0, 0, 1, 3, 3],
        "ts": DAYS,
    }
)


def warnings_of(data: Dataset, model: object | None = None) -> tuple[str, ...]:
    models = {"pop": model or Popularity()}
    found = backtest(models, data, test="4d", windows=1, metrics=["recall@2"], exclude_seen=False)  # type: ignore[arg-type]
    return found.results[0].evaluation.warnings


class Peeking(Popularity):
    """Learns from the whole log, whatever it is given."""

    def fit(self, dataset: Dataset, *, validation: Dataset | None = None, progress: ProgressCallback = silent):  # type: ignore[no-untyped-def]
        return super().fit(Dataset.from_frame(LOG), progress=progress)


class Counting(Popularity):
    """Learns from what it is given, and counts what it is not."""

    def fit(self, dataset: Dataset, *, validation: Dataset | None = None, progress: ProgressCallback = silent):  # type: ignore[no-untyped-def]
        fitted = super().fit(dataset, progress=progress)
        fitted.item_events_ = fitted.item_events_ + 1
        return fitted


def test_an_honest_backtest_has_nothing_to_report() -> None:
    assert not any("leak" in note for note in warnings_of(Dataset.from_frame(LOG)))


def test_a_model_that_has_seen_the_future_is_refused() -> None:
    with pytest.raises(DataError, match=r"leak: 'pop' has learned from events through 2026-01-20"):
        warnings_of(Dataset.from_frame(LOG), lambda seed: Peeking())


def test_popularity_that_counts_the_future_is_refused() -> None:
    with pytest.raises(DataError, match=r"leak: 'pop' counts more events than the training part has, of 4 items"):
        warnings_of(Dataset.from_frame(LOG), lambda seed: Counting())


@pytest.mark.parametrize(
    ("column", "leak"),
    [
        (pl.Series("plays", [5, 5, 4, 6]), "plays counts the events of the whole log"),
        (pl.Series("last_played", [DAYS[16], DAYS[17], DAYS[13], DAYS[19]]), "last_played of 3 items"),
        (pl.Series("released", [START] * 4), None),
        (pl.Series("minutes", [90, 91, 92, 93]), None),
    ],
)
def test_item_attributes_from_after_the_cut_are_told(column: pl.Series, leak: str | None) -> None:
    data = replace(Dataset.from_frame(LOG), item_attributes=pl.DataFrame({column.name: column}))
    found = [note for note in warnings_of(data) if "leak" in note]
    assert len(found) == (leak is not None)
    assert leak is None or leak in found[0]


def test_the_test_part_of_an_evaluation_is_audited_too() -> None:
    plays = pl.DataFrame({"plays": [5, 5, 4, 6]})
    data = replace(Dataset.from_frame(LOG), item_attributes=plays)
    assert data.times is not None
    early = data.times < data.times.max() - 4 * 86_400_000_000
    model, test = Popularity().fit(data.keep(early)), data.keep(~early)
    found = evaluate(model, test, ["recall@2"], exclude_seen=False)
    assert any("plays counts the events of the whole log" in note for note in found.warnings)
    honest = replace(test, item_attributes=pl.DataFrame({"plays": model.item_events_}))
    assert not any("leak" in note for note in evaluate(model, honest, ["recall@2"], exclude_seen=False).warnings)
