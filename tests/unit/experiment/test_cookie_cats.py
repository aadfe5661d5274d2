"""The Cookie Cats experiment by its published counts, as a ready-made frame."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from recsys.core.errors import DataError
from recsys.experiment import Analysis, Experiment, Mean, PerUnit, Retention

COUNTS = {"gate_30": (44_700, 20_034, 8_502), "gate_40": (45_489, 20_119, 8_279)}  # players, back after 1 day, 7 days
METRICS = [
    Retention("retention_1", day=1),
    Retention("retention_7", day=7),
    Mean("rounds"),
    Mean("rounds_capped", cap=0.999),
]


def players(**changed: object) -> pl.DataFrame:
    """Return players with the published counts; rounds are made up, one of them like the published outlier."""
    parts = []
    for version, (n, day_1, day_7) in COUNTS.items():
        place = np.arange(n)
        parts.append(
            pl.DataFrame(
                {"version": [version] * n, "retention_1": (place < day_1) * 1, "retention_7": (place < day_7) * 1}
            )
        )
    frame = pl.concat(parts)
    rounds = np.random.default_rng(3).geometric(0.02, len(frame)).astype(float)
    rounds[100] = 49_854
    return frame.with_columns(userid=pl.int_range(len(frame)), rounds=pl.Series(rounds)).with_columns(**changed)


def analysis(frame: pl.DataFrame, **settings: object) -> Analysis:
    test = Experiment(
        "gate", {"gate_30": 0.5, "gate_40": 0.5}, control="gate_30", start="2016-01-01", planned_units=90_000,
        metrics=METRICS,
    )  # fmt: skip
    source = PerUnit(frame, unit="userid", variant="version", columns={"rounds_capped": "rounds"}, **settings)
    return test.analyze(source)


@pytest.fixture(scope="module")
def found() -> Analysis:
    return analysis(players())


def test_the_sample_ratio_blocks_the_decision(found: Analysis) -> None:
    check = found.check("srm")
    assert (check.status, round(check.number or 0, 4)) == ("fail", 0.0086)
    assert "χ² = 6.90" in check.detail
    assert found.decide().action == "blocked"
    assert "44,700 : 45,489 units in gate_30, gate_40" in found.summary
    assert found.failed(["srm"])


@pytest.mark.parametrize(("metric", "z", "pvalue"), [("retention_7", -3.164, 0.00155), ("retention_1", -1.784, 0.0744)])
def test_retention_is_as_published(found: Analysis, metric: str, z: float, pvalue: float) -> None:
    effect = found[metric]
    assert effect.pvalue == pytest.approx(pvalue, rel=0.005)  # three published digits
    assert -norm.isf(effect.pvalue / 2) == pytest.approx(z, abs=0.0005)
    assert effect.difference < 0


def test_the_outlier_is_told_with_what_it_does(found: Analysis) -> None:
    check = found.check("outliers")
    assert check.status == "warn"
    assert "rounds: 1 unit up to 49,854" in check.detail
    assert "with them" in check.detail
    capped, raw = found["rounds_capped"], found["rounds"]
    assert capped.uncapped["difference"] == pytest.approx(raw.difference, rel=1e-12)
    assert capped.caps[0].units == round(0.001 * 90_189)
    assert capped.standard_error < 0.5 * raw.standard_error
    assert "without cap" in repr(found)


@pytest.mark.parametrize("bad", [float("nan"), None, float("inf")])
def test_one_missing_value_is_an_error_or_a_counted_exclusion(bad: float | None) -> None:
    frame = players(rounds=pl.when(pl.col("userid") == 5).then(pl.lit(bad, pl.Float64)).otherwise(pl.col("rounds")))
    with pytest.raises(DataError, match="rounds is null, NaN or infinite for 1 of 90,189 units"):
        analysis(frame)
    found = analysis(frame, missing="exclude")
    assert found["rounds"].n + found["rounds"].n_control == 90_188
    assert np.isfinite(found["rounds"].pvalue)
    assert found.check("missing-values").status == "warn"
    assert found["retention_7"].n + found["retention_7"].n_control == 90_189


def test_every_row_twice_changes_no_number(found: Analysis) -> None:
    frame = players()
    twice = analysis(pl.concat([frame, frame]))
    assert [one.pvalue for one in twice.effects] == [one.pvalue for one in found.effects]
    assert twice.check("duplicates").number == 0.5


def test_units_of_both_arms_are_left_out_and_told() -> None:
    frame = players()
    other = frame.head(2000).with_columns(version=pl.lit("gate_40"))
    found = analysis(pl.concat([frame, other]))
    assert found.check("several-arms").status == "fail"
    assert found["rounds"].n_control == 44_700 - 2000
