from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from math import inf, nan

import numpy as np
import pytest

from recsys.core.errors import ArgumentError
from recsys.ledger import Outcome, Prediction, ledger
from recsys.ledger.entries import Scale

WIDTH = 1.959963984540054


def said(
    pair: int, estimate: float, error: float = 0.01, source: str = "snips", quantity: str = "clicks",
    scale: Scale = "relative", at: datetime | None = None,
) -> Prediction:  # fmt: skip
    return Prediction(
        source=source, candidate=f"c{pair}", baseline="pop", quantity=quantity, per="request", scale=scale,
        estimate=estimate, ci_low=estimate - WIDTH * error, ci_high=estimate + WIDTH * error, at=at,
    )  # fmt: skip


def found(pair: int, estimate: float, error: float = 0.01, at: datetime | None = None) -> Outcome:
    return Outcome(
        experiment=f"e{pair}", candidate=f"c{pair}", baseline="pop", quantity="clicks", per="request", scale="relative",
        estimate=estimate, ci_low=estimate - WIDTH * error, ci_high=estimate + WIDTH * error, at=at,
    )  # fmt: skip


def test_signs_are_counted_with_the_exact_interval() -> None:
    effects = [0.05, -0.04, 0.03, 0.002, 0.0]
    book = ledger(
        [said(i, x) for i, x in enumerate([0.02, -0.01, -0.01, 0.01, 0.01])],
        [found(i, x) for i, x in enumerate(effects)],
    )
    one = book.scores[0]
    assert (one.agreement.wins, one.agreement.losses, one.agreement.ties) == (3, 1, 1)
    assert (one.agreement.ci_low, one.agreement.ci_high) == pytest.approx((0.19412, 0.99369), abs=1e-5)
    assert (one.decided.wins, one.decided.losses) == (2, 1)


def test_slope_and_coverage_are_refused_between_unlike_estimands() -> None:
    pairs = range(6)
    outcomes = [found(i, 0.01 * i) for i in pairs]
    for other in (
        [said(i, 0.01 * i, quantity="ndcg@10") for i in pairs],
        [said(i, 0.01 * i, scale="absolute") for i in pairs],
        [replace(said(i, 0.01 * i), per="user") for i in pairs],
    ):
        one = ledger(other, outcomes).scores[0]
        assert one.calibration.status == "unlike"
        assert np.isnan(one.calibration.slope)
        assert one.held.status == one.consistent.status == "too_few"
        assert one.correlation.estimate == 1
    assert ledger([said(i, 0.01 * i) for i in pairs], outcomes).scores[0].calibration.slope == pytest.approx(1)


def test_what_is_late_or_said_again() -> None:
    early, later, after = (datetime(2026, 1, day) for day in (1, 2, 9))
    book = ledger(
        [said(0, 0.2, at=later), said(0, 0.1, at=early), said(0, 0.3, at=after)],
        [found(0, 0.2, at=datetime(2026, 1, 5))],
    )
    assert [one.estimate for one, _ in book.matched] == [0.2]
    assert book.late == 1
    assert "1 prediction made after the test was over" in str(book)


def test_no_interval_is_counted_out_of_slope_and_coverage() -> None:
    bare = replace(said(0, 0.01), ci_low=nan, ci_high=nan)
    book = ledger([bare, *(said(i, 0.01 * i) for i in range(1, 5))], [found(i, 0.01 * i) for i in range(5)])
    one = book.scores[0]
    assert (one.n, one.without_interval, one.calibration.n, one.held.wins) == (5, 1, 4, 4)


def test_few_pairs_are_said_to_be_few() -> None:
    book = ledger([said(i, 0.01 * i) for i in range(3)], [found(i, 0.01 * i) for i in range(3)])
    assert book.conclusion == "Too little to say what predicts clicks best (3 pairs)."
    more = ledger([said(i, 0.01 * i) for i in range(5)], [found(i, 0.01 * i) for i in range(5)])
    assert more.conclusion.endswith("5 pairs; few pairs.")


def test_a_source_that_is_not_shown_to_predict_is_not_called_the_best() -> None:
    measured = [0.03, 0.01, 0.05, 0.02, 0.04, 0.03]
    book = ledger([said(i, 0.01 * i) for i in range(6)], [found(i, value) for i, value in enumerate(measured)])
    assert book.scores[0].correlation.ci_low < 0
    assert book.conclusion.startswith("Nothing is shown to predict the effects on clicks: ")


def test_an_empty_ledger_says_so() -> None:
    assert ledger([said(0, 0.1)], []).conclusion == "1 prediction and 0 outcomes, none of the same pair yet."
    assert ledger([], []).to_polars().height == 0


def test_an_empty_ledger_names_the_next_step() -> None:
    view = ledger([], []).view()
    assert view.title == "0 predictions and 0 outcomes, none of the same pair yet."
    assert view.notes[0].startswith("next: recsys experiment decide NAME --predicted-by RUN")


def test_the_order_of_the_entries_does_not_matter() -> None:
    first = [said(i, 0.01 * (i % 3), source=s) for i in range(6) for s in ("snips", "dr")]
    outcomes = [found(i, 0.01 * i) for i in range(6)]
    assert ledger(first, outcomes).scores == ledger(first[::-1], outcomes[::-1]).scores


def test_plain_values() -> None:
    book = ledger([replace(said(i, 0.01 * i), ci_high=inf) for i in range(6)], [found(i, 0.01 * i) for i in range(6)])
    assert json.loads(json.dumps(book.to_dict(), allow_nan=False))["scores"][0]["n"] == 6
    assert book.to_polars().height == 6


@pytest.mark.parametrize(
    "changed",
    [{"estimate": nan}, {"estimate": inf}, {"ci_low": 0.2}, {"ci_high": nan}, {"baseline": "c0"}, {"scale": "percent"}],
)
def test_what_is_no_prediction(changed: dict[str, float]) -> None:
    with pytest.raises(ArgumentError):
        replace(said(0, 0.1), **changed)  # type: ignore[arg-type]


def made(
    seed: int, slope: float = 1.0, pairs: int = 25, offline: float = 0.02
) -> tuple[list[Prediction], list[Outcome]]:
    """Return predictions whose effects are `slope` times too small (1: right), and outcomes around the truth."""
    rng, offline = np.random.default_rng(seed), 0.02
    truth = rng.normal(0, 0.06, pairs)
    predictions = [said(i, x / slope + offline * rng.normal(), offline) for i, x in enumerate(truth)]
    return predictions, [found(i, x + 0.01 * rng.normal()) for i, x in enumerate(truth)]


def test_right_intervals_are_found_right() -> None:
    books = [ledger(*made(seed)).scores[0] for seed in range(300)]
    consistent = np.array([one.consistent.share for one in books])
    # 7,500 independent pairs: three standard errors are 0.0075.
    assert consistent.mean() == pytest.approx(0.95, abs=0.0075)
    held = np.mean([one.calibration.ci_low <= 1 <= one.calibration.ci_high for one in books])
    assert 0.92 <= held <= 0.99
    # An effect with an error of its own is held less often: P(|N(0, 1)| < 1.96 / √1.25).
    assert np.mean([one.held.share for one in books]) == pytest.approx(0.9204, abs=0.01)


def test_predictions_that_promise_too_much_are_found_out() -> None:
    books = [ledger(*made(seed, slope=0.5)).scores[0] for seed in range(100)]
    assert np.mean([one.calibration.ci_high < 1 for one in books]) > 0.95
    assert np.median([one.calibration.slope for one in books]) == pytest.approx(0.5, abs=0.02)
    assert np.mean([one.consistent.ci_high < 0.95 for one in books]) > 0.9


def test_the_metric_that_orders_the_pairs_wins() -> None:
    predictions, outcomes = made(3, pairs=40)
    rng = np.random.default_rng(9)
    noise = [said(i, float(rng.normal()), source="coin") for i in range(40)]
    book = ledger([*predictions, *noise], outcomes)
    best = book.best("clicks")
    assert best is not None
    assert best.source == "snips"
    assert "not told apart" not in book.conclusion
