"""What an analysis answers afterwards from its table: segments, days, novelty, triggers, clusters, resampling."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats as reference

from recsys.core.errors import ArgumentError, NotFoundError
from recsys.experiment import ConfidenceSequence, Mean, Proportion, Quantile, Ratio
from recsys.experiment.analysis import Analysis
from recsys.experiment.analyzing import analyze
from recsys.experiment.integrity.checks import Thresholds
from recsys.experiment.outcomes import outcome_of

from ..made_up import experiment, unit_table

RNG = np.random.default_rng(9)
N = 6000
ARM = RNG.permutation(np.arange(N) % 2)
DAYS = np.sort(RNG.integers(0, 28, N))
COUNTRY = RNG.choice(["de", "fr", "us", "jp"], N, p=[0.4, 0.3, 0.2, 0.1])
PRE = RNG.gamma(3.0, 5.0, N)
NOISE = PRE + RNG.gamma(2.0, 3.0, N)


def analysis(values=NOISE, *metrics, columns=None, **more) -> Analysis:
    table = unit_table(
        ARM, columns or {"minutes": values, "minutes.pre": PRE}, days=DAYS, attributes={"country": COUNTRY, **more}
    )
    return analyze(experiment(*(metrics or [Mean("minutes", pre_period="7d")]), planned_units=N), table)


def test_a_segment_is_the_effect_on_its_units():
    found = analysis(NOISE, Mean("minutes")).segments("minutes", "country")
    assert [one.segment for one in found.segments] == ["de", "fr", "us", "jp"]
    rows = COUNTRY == "us"
    expected = reference.ttest_ind(NOISE[rows & (ARM == 1)], NOISE[rows & (ARM == 0)], equal_var=False)
    assert found.segments[2].pvalue == pytest.approx(expected.pvalue, rel=1e-9)
    assert sum(one.n + one.n_control for one in found.segments) == N


def test_segments_that_differ_are_told_from_segments_that_do_not():
    same = analysis(NOISE + ARM).segments("minutes", "country")
    assert same.pvalue > 0.01
    spread = [one.pooled for one in same.segments]
    assert np.ptp(spread) < np.ptp([one.difference for one in same.segments])  # drawn to the common effect
    other = analysis(NOISE + 5 * ARM * (COUNTRY == "us")).segments("minutes", "country")
    assert other.pvalue < 1e-6
    assert "effects differ" in other.summary
    json.dumps(other.to_dict())
    assert other.to_polars().shape[0] == 4
    assert max(map(len, repr(other).splitlines())) <= 80


def test_days_add_up_to_the_whole():
    found = analysis()
    cumulative, daily = found.cumulative("minutes").days, found.daily("minutes").days
    assert len(cumulative) == len(daily) == 28
    assert cumulative[-1].difference == pytest.approx(found["minutes"].difference, rel=1e-9)
    assert cumulative[-1].ci_low == pytest.approx(found["minutes"].ci_low, rel=1e-9)
    assert sum(one.n for one in daily) == cumulative[-1].n
    assert (daily[0].day, daily[0].difference) == (cumulative[0].day, cumulative[0].difference)
    assert len(repr(found.daily("minutes")).splitlines()) > 28


def test_an_effect_that_wears_off_is_seen():
    found = analysis(NOISE + ARM * np.maximum(0, 6 - 2 * (DAYS // 7))).novelty("minutes")
    assert found.pvalue < 1e-6
    assert found.ci_low < -2 < found.ci_high
    assert "falls" in found.summary
    steady = analysis(NOISE + 2 * ARM).novelty("minutes")
    assert steady.pvalue > 0.01
    json.dumps(steady.to_dict())
    assert repr(steady)


def test_the_pvalue_of_a_trend_is_withheld_before_the_planned_size():
    table = unit_table(ARM, {"minutes": NOISE + ARM * np.maximum(0, 6 - 2 * (DAYS // 7))}, days=DAYS)
    early = analyze(experiment(planned_units=10 * N), table).novelty("minutes")
    assert math.isnan(early.pvalue)
    assert "withheld" in early.summary
    assert early.slope < 0
    final = analyze(experiment(planned_units=10 * N), table, look="final").novelty("minutes")
    assert final.pvalue < 1e-6
    assert (final.slope, final.withheld) == (early.slope, "")


def test_two_weeks_are_too_few_for_a_trend():
    table = unit_table(ARM, {"minutes": NOISE}, days=DAYS % 14)
    found = analyze(experiment(planned_units=N), table).novelty("minutes")
    assert math.isnan(found.pvalue)
    assert "too few weeks" in found.summary


def test_triggered_units_and_what_they_mean_for_all():
    effect = 4 * ARM * (COUNTRY == "us")
    whole = analysis(NOISE + effect, Mean("minutes"))
    found = whole.triggered({"country": "us"})
    share = float((COUNTRY == "us").mean())
    assert found.share == pytest.approx(share)
    part = found.analysis["minutes"]
    assert part.n + part.n_control == int((COUNTRY == "us").sum())
    (diluted,) = found.diluted
    assert diluted.difference == pytest.approx(part.difference * share)
    assert diluted.ci_low <= whole["minutes"].difference <= diluted.ci_high
    assert diluted.ci_high - diluted.ci_low < 0.6 * (whole["minutes"].ci_high - whole["minutes"].ci_low)
    json.dumps(found.to_dict(), allow_nan=False)
    assert "triggered units" in repr(found)


def test_a_trigger_that_depends_on_the_arm_is_found():
    rows = np.where(ARM == 1, RNG.random(N) < 0.6, RNG.random(N) < 0.5)
    found = analysis().triggered(rows)
    assert found.analysis.decide().action == "blocked"
    assert found.analysis.check("srm").status == "fail"


def test_triggers_that_cannot_be_read_are_refused():
    with pytest.raises(NotFoundError, match="no column 'cuntry'"):
        analysis().triggered({"cuntry": "us"})
    with pytest.raises(ArgumentError, match="6000 truth values"):
        analysis().triggered(np.ones(3, np.bool_))


def test_a_ratio_is_diluted_by_its_denominator():
    sessions = RNG.poisson(2, N) + 1.0
    columns = {"rate.numerator": sessions * NOISE, "rate.denominator": sessions}
    found = analysis(None, Ratio("rate"), columns=columns).triggered({"country": ["de", "fr"]})
    rows = np.isin(COUNTRY, ["de", "fr"])
    control = ARM == 0
    assert found.diluted[0].share == pytest.approx(sessions[rows & control].sum() / sessions[control].sum())


def test_clusters_are_the_observations():
    home = np.repeat(np.arange(N // 4), 4)
    shared = np.random.default_rng(1).normal(0, 10, N // 4)[home]
    arm = (np.random.default_rng(2).random(N // 4) < 0.5)[home].astype(int)
    table = unit_table(arm, {"minutes": 50 + shared + NOISE}, attributes={"home": home})
    found = analyze(experiment(planned_units=N), table)
    robust = found.clustered("minutes", "home")
    assert robust.estimate == pytest.approx(found["minutes"].difference, rel=1e-12)
    assert robust.standard_error > 1.5 * found["minutes"].standard_error
    alone = analysis(NOISE, Mean("minutes"), own=np.arange(N)).clustered("minutes", "own")
    assert alone.standard_error == pytest.approx(analysis(NOISE, Mean("minutes"))["minutes"].standard_error, rel=1e-9)
    with pytest.raises(ArgumentError, match="is a quantile"):
        analysis(NOISE, Quantile("minutes", q=0.5)).clustered("minutes", "country")


@pytest.mark.parametrize(
    ("metric", "columns"),
    [
        (Mean("minutes", pre_period="7d"), {"minutes": NOISE + ARM, "minutes.pre": PRE}),
        (Proportion("rated"), {"rated": NOISE > 20}),
        (Ratio("rate"), {"rate.numerator": NOISE * (1 + DAYS % 3), "rate.denominator": 1.0 + DAYS % 3}),
        (Quantile("minutes", q=0.9), {"minutes": NOISE}),
    ],
)
def test_the_bootstrap_agrees_with_the_formula(metric, columns):
    found = analysis(None, metric, columns=columns)
    effect, drawn = found[metric.name], found.bootstrap(metric.name, replicates=500, seed=3)
    assert drawn.estimate == effect.difference
    # 500 replicates give a standard error to about 1 / sqrt(1000) = 3 %; quantiles' intervals are no normal ones
    width = (effect.ci_high - effect.ci_low) / (drawn.ci_high - drawn.ci_low)
    assert width == pytest.approx(1, abs=0.15)
    assert drawn == found.bootstrap(metric.name, replicates=500, seed=3)
    relative = found.bootstrap(metric.name, replicates=500, seed=3, relative=True)
    assert relative.ci_low <= effect.relative <= relative.ci_high


def test_the_bootstrap_draws_clusters_and_stages_together():
    home = np.repeat(np.arange(N // 4), 4)
    shared = np.random.default_rng(1).normal(0, 10, N // 4)[home]
    arm = (np.random.default_rng(2).random(N // 4) < 0.5)[home].astype(int)
    table = unit_table(arm, {"minutes": 50 + shared}, attributes={"home": home}, stage=np.arange(N) // (N // 2))
    found = analyze(experiment(planned_units=N), table)
    plain, robust = found.bootstrap("minutes", replicates=300), found.bootstrap("minutes", replicates=300, by="home")
    assert robust.standard_error > 1.5 * plain.standard_error
    assert plain.standard_error == pytest.approx(found["minutes"].standard_error, rel=0.15)


def test_what_cannot_be_resampled_says_why():
    table = unit_table(ARM, {"minutes": np.ones(N)})
    drawn = analyze(experiment(planned_units=N), table).bootstrap("minutes", replicates=10)
    assert drawn.status == "zero_variance"
    assert math.isnan(drawn.ci_low)


def test_quantiles_have_days_and_segments_too():
    found = analysis(NOISE + ARM, Quantile("minutes", q=0.5))
    assert found.cumulative("minutes").days[-1].difference == found["minutes"].difference
    assert len(found.segments("minutes", "country").segments) == 4
    assert outcome_of(found.experiment.metrics[0], found.table).covariates == ()


def test_beliefs_go_by_what_is_better():
    up = analysis(NOISE + 0.5 * ARM, Mean("minutes")).bayes("minutes")
    down = analysis(NOISE + 0.5 * ARM, Mean("minutes", direction="decrease")).bayes("minutes")
    effect = analysis(NOISE + 0.5 * ARM, Mean("minutes"))["minutes"]
    z = effect.difference / effect.standard_error
    assert up.probability_to_beat == pytest.approx(reference.norm.cdf(z), rel=1e-9)
    assert down.probability_to_beat == pytest.approx(reference.norm.sf(z), rel=1e-6)
    assert (down.loss_treatment, down.loss_control) == (up.loss_control, up.loss_treatment)
    assert up.loss_treatment < up.loss_control
    sceptical = analysis(NOISE + 0.5 * ARM, Mean("minutes")).bayes("minutes", prior_deviation=0.01)
    assert 0 < sceptical.estimate < 0.1 * up.estimate


def test_shares_have_beta_posteriors():
    found = analysis(None, Proportion("rated"), columns={"rated": NOISE > 20}).bayes("rated")
    assert "beta" in found.method
    assert 0 < found.probability_to_beat < 1
    empty = analyze(experiment(planned_units=2), unit_table([0, 0, 1], {"minutes": [1.0, 2.0, 3.0]}))
    assert empty.bayes("minutes").status == "too_few"


def test_questions_before_the_planned_size_tell_no_pvalue_of_a_single_look():
    household = np.arange(N) // 2
    table = unit_table(ARM, {"minutes": NOISE + 5 * ARM}, attributes={"country": COUNTRY, "household": household})
    test = experiment(Mean("minutes"), planned_units=2 * N, segments=("country",))
    early, final = analyze(test, table), analyze(test, table, look="final")
    segments = early.segments("minutes", "country")
    assert all(math.isnan(one.pvalue) for one in segments.segments)
    assert math.isnan(segments.pvalue)
    assert "withheld" in segments.summary
    assert "interaction p" not in repr(early)
    assert math.isnan(early.clustered("minutes", "household").pvalue)
    assert "withheld" in early.clustered("minutes", "household").method
    assert math.isnan(early.bayes("minutes").probability_to_beat)
    assert final.segments("minutes", "country").segments[0].pvalue < 0.01
    assert final.clustered("minutes", "household").pvalue < 1e-6
    assert final.bayes("minutes").probability_to_beat > 0.99
    assert early.bayes("minutes").ci_low == final.bayes("minutes").ci_low


def test_plain_values_hold_neither_nan_nor_infinities():
    table = unit_table(ARM, {"minutes": NOISE, "never": np.zeros(N)}, days=DAYS, attributes={"country": COUNTRY})
    test = experiment(Mean("minutes"), Mean("never"), planned_units=2 * N, monitoring=ConfidenceSequence(burn_in=N))
    found = analyze(test, table)
    assert math.isnan(found["minutes"].pvalue)
    assert math.isinf(found["minutes"].sequential.ci_low)
    told = [
        found, found["minutes"], found.check("srm"), found.monitor("minutes"), found.decision,
        found.segments("minutes", "country"), found.daily("never"), found.novelty("never"),
        found.triggered({"country": "de"}),
    ]  # fmt: skip
    for one in told:
        json.dumps(one.to_dict(), allow_nan=False)
    assert found["minutes"].to_dict()["pvalue"] is None
    assert found["minutes"].to_dict()["sequential"]["ci_low"] is None


def test_the_triggered_part_is_judged_at_the_look_of_the_whole_and_with_its_settings():
    table = unit_table(ARM, {"minutes": NOISE + 5 * ARM}, days=DAYS, attributes={"country": COUNTRY})
    whole = analyze(
        experiment(Mean("minutes"), planned_units=N), table, by=("country",), holidays=("2024-10-06",),
        limits=Thresholds(srm=0.02), assigned=table.arm,
    )  # fmt: skip
    part = whole.triggered({"country": "us"}).analysis
    assert part.reached == {"minutes": True}
    assert part["minutes"].verdict == "better"
    assert not math.isnan(part["minutes"].pvalue)
    assert part.by == ("country",)
    assert part.check("srm").threshold == 0.02
    assert part.check("holidays").status == "warn"
    assert part.check("assignment").status == "ok"
    early = analyze(experiment(Mean("minutes"), planned_units=2 * N), table).triggered({"country": "us"}).analysis
    assert early["minutes"].verdict == "too early"
