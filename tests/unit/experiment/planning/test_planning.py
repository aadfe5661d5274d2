import json
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr

from recsys import stats
from recsys.core.errors import ArgumentError, NotFoundError
from recsys.display import to_text
from recsys.experiment import (
    Active,
    ConfidenceSequence,
    Count,
    Experiment,
    Frames,
    GroupSequential,
    Holdout,
    Layer,
    Mean,
    PerUnit,
    Proportion,
    Quantile,
    Ratio,
    UnitRequest,
    build_unit_table,
    plan,
)
from recsys.experiment.planning.history import Traffic
from recsys.stats.several_arms import critical_value

SINCE, UNTIL = "2026-03-01", "2026-03-29"
MINUTES = Mean("minutes", event="play", window="7d", pre_period="14d")


@pytest.fixture(scope="module")
def source() -> Frames:
    """Return eight weeks of plays and ratings of 1,500 users with a level of their own."""
    rng, users, days = np.random.default_rng(1), 1500, 56
    level = rng.gamma(1.5, 0.4, size=users)
    n = rng.poisson(level[:, None], size=(users, days))
    who, day = (place.ravel() for place in np.indices(n.shape))
    who, day = np.repeat(who, n.ravel()), np.repeat(day, n.ravel())
    start = np.datetime64("2026-02-15", "us")
    ts = start + day.astype("timedelta64[D]") + rng.integers(0, 86_400, len(who)).astype("timedelta64[s]")
    value = rng.gamma(2, 15, size=len(who))
    event = np.where(rng.random(len(who)) < 0.9, "play", "rating")
    frame = pl.DataFrame({"user_id": who, "ts": ts, "event": event, "value": value, "done": (value > 20) * 1.0})
    return Frames(events=frame, complete_through=datetime(2026, 2, 15) + timedelta(days=days))


def test_baseline_correlation_and_size_by_hand(source: Frames) -> None:
    found = plan([MINUTES], source, since=SINCE, until=UNTIL, effect=0.05)["minutes"]
    table = build_unit_table(source, UnitRequest(Active(*_micros(SINCE, UNTIL)), MINUTES.measures()))
    used = table.matured["minutes"]
    y, x = table.columns["minutes"][used], table.columns["minutes.pre"][used]
    rho = np.corrcoef(y, x)[0, 1]
    assert found.baseline == pytest.approx(y.mean(), rel=1e-12)
    assert found.rho == pytest.approx(abs(rho), rel=1e-9)
    assert found.sd == pytest.approx(y.std(ddof=1) * np.sqrt(1 - rho**2), rel=1e-9)
    expected = 4 * (1.959964 + 0.841621) ** 2 * found.sd**2 / (0.05 * y.mean()) ** 2
    assert found.units == pytest.approx(expected, abs=1.01)  # rounded up
    assert (found.history, found.status) == (used.sum(), "ok")
    assert rho**2 > 0.1


def test_a_pre_period_before_the_data_is_told(source: Frames) -> None:
    told = [plan([MINUTES], source, since=since, until=UNTIL, effect=0.05).notes for since in ("2026-02-15", SINCE)]
    early, late = (any("no unit has a row in the 14d before it came" in note for note in notes) for notes in told)
    assert (early, late) == (True, False)  # units come with their first event of the period


def test_units_enter_as_they_did_and_windows_are_added(source: Frames) -> None:
    found = plan([MINUTES], source, since=SINCE, until=UNTIL, weeks=2)
    events = source._table("events")
    first = (
        events.filter(pl.col("ts").is_between(datetime(2026, 3, 1), datetime(2026, 3, 29), closed="left"))
        .group_by("user_id")
        .agg(pl.col("ts").min())
    )
    assert found.units == len(first.filter(pl.col("ts") < datetime(2026, 3, 15)))
    assert (found.enrolment_days, found.days) == (14, 21)
    assert found.units_a_day == pytest.approx(found.units / 14)
    half = plan([MINUTES], source, since=SINCE, until=UNTIL, weeks=2, traffic=0.5)
    assert half.units == found.units // 2


def test_enrolment_takes_whole_weeks() -> None:
    found = plan([MINUTES], baseline={"minutes": (40.0, 60.0)}, effect=0.05, units_a_day=1000)
    assert found.units == found["minutes"].units == stats.sample_size(stats.Baseline.of_mean(40, 60), 2.0)
    assert found.units > 28_000 - 1000
    assert (found.enrolment_days, found.days, found["minutes"].days) == (35, 42, 42)


def test_excluded_dates_bring_no_units_and_no_events(source: Frames) -> None:
    kept = plan([MINUTES], source, since=SINCE, until=UNTIL, weeks=4)
    less = plan(
        [MINUTES], source, since=SINCE, until=UNTIL, weeks=4, exclude_dates=["2026-03-01/2026-03-03", "2026-03-09"]
    )
    assert less["minutes"].baseline < kept["minutes"].baseline
    table = build_unit_table(source, UnitRequest(Active(*_micros("2026-03-04", UNTIL)), MINUTES.measures()))
    assert less.units == pytest.approx(len(table), rel=0.01)  # units whose only days are gone, or who come a day later


def test_traffic_beyond_the_reference_period_goes_on_as_at_its_end() -> None:
    traffic = Traffic((100.0, 50.0, 50.0), 50.0)
    assert (traffic.units(2), traffic.units(5), traffic.days(150), traffic.days(201)) == (150, 300, 2, 4)
    assert Traffic((10.0,), 0.0).days(11) is None


def test_all_forms_have_a_plan(source: Frames) -> None:
    metrics = [
        MINUTES,
        Count("plays", event="play", window="7d"),
        Proportion("rated", event="rating", window="7d"),
        Ratio("completion", numerator="sum(done)", denominator="count()", event="play", window="7d", pre_period="14d"),
        Quantile("median", q=0.5, event="play", window="7d"),
    ]
    found = plan(metrics, source, since=SINCE, until=UNTIL, effect=0.1)
    assert [one.status for one in found.metrics] == ["ok"] * 5
    assert found.units == max(one.units for one in found.metrics)
    assert all(one.achieved >= 0.8 for one in found.metrics)
    assert all(one.detectable <= 0.1 + 1e-9 for one in found.metrics)
    assert found["rated"].alpha == pytest.approx(0.05 / 5)  # five goals share alpha
    assert 0 < found["completion"].baseline < 1


def test_planned_power_is_the_power_of_experiments_on_the_same_units(source: Frames) -> None:
    """Drawing units of the past into two arms and adding the effect: the CUPED test finds it as often as planned."""
    found = plan([MINUTES], source, since=SINCE, until=UNTIL, units=800)["minutes"]
    table = build_unit_table(source, UnitRequest(Active(*_micros(SINCE, UNTIL)), MINUTES.measures()))
    used = table.matured["minutes"]
    y, x = table.columns["minutes"][used], table.columns["minutes.pre"][used]
    rng, rows = np.random.default_rng(2), 3000
    drawn = rng.integers(len(y), size=(rows, 2, 400))
    outcomes, before = y[drawn], x[drawn]
    outcomes[:, 1] += found.detectable_absolute
    slope = np.cov(y, x)[0, 1] / x.var(ddof=1)
    adjusted = outcomes - slope * before
    z = (adjusted[:, 1].mean(axis=1) - adjusted[:, 0].mean(axis=1)) / np.sqrt(
        adjusted.var(axis=2, ddof=1).sum(axis=1) / 400
    )
    assert (np.abs(z) >= 1.96).mean() == pytest.approx(0.8, abs=0.022)  # 3 standard errors


def test_guardrails_get_power_and_leave_alpha_alone() -> None:
    safe = [
        Mean(name, window="7d", role="guardrail", margin=0.02, direction=way)
        for name, way in [("a", "increase"), ("b", "decrease")]
    ]
    known = {"minutes": (40.0, 60.0), "a": (10.0, 10.0), "b": (10.0, 10.0)}
    found = plan([MINUTES, *safe], baseline=known, effect=0.02)
    assert found["minutes"].alpha == pytest.approx(0.05)
    for name, sign in (("a", -1), ("b", 1)):
        one = found[name]
        assert (one.alpha, one.power) == (pytest.approx(0.025), pytest.approx(0.9))
        assert one.effect_absolute == pytest.approx(sign * 0.2)
        assert one.units == pytest.approx(4 * (1.959964 + 1.281552) ** 2 * 100 / 0.2**2, rel=1e-3)
        assert np.sign(one.detectable_absolute) == sign
        assert one.detectable == pytest.approx(-0.02 * np.sqrt(one.units / found.units), rel=1e-3)
    assert found.units == max(one.units for one in found.metrics)
    assert any("guardrails share" in note for note in found.notes)


def test_looks_cost_units() -> None:
    known = {"minutes": (40.0, 60.0)}
    fixed = plan([MINUTES], baseline=known, effect=0.02).units
    grouped = plan([MINUTES], baseline=known, effect=0.02, monitoring=GroupSequential(5, spending="pocock")).units
    always = plan([MINUTES], baseline=known, effect=0.02, monitoring=ConfidenceSequence()).units
    assert fixed is not None
    assert grouped is not None
    assert always is not None
    design = stats.GroupSequential.of_looks(5, rule="lan-demets-pocock")
    assert grouped / fixed == pytest.approx(design.inflation(0.8), rel=1e-4)
    assert 1.5 < always / fixed < 2


def test_several_arms_and_unequal_splits_share_alpha() -> None:
    known, arms = {"minutes": (40.0, 60.0)}, {"pop": 0.6, "als": 0.2, "bpr": 0.2}
    found = plan([MINUTES], baseline=known, effect=0.02, arms=arms)
    assert found["minutes"].alpha == pytest.approx(0.025)
    spread = 3600 * (1 / 0.6 + 1 / 0.2)
    assert found.units == pytest.approx(spread * (2.241403 + 0.841621) ** 2 / 0.8**2, rel=1e-4)
    assert plan([MINUTES], baseline=known, effect=0.02, arms=arms, correction="none")["minutes"].alpha == pytest.approx(
        0.05
    )


def test_dunnett_lets_the_arms_share_less() -> None:
    known, arms = {"minutes": (40.0, 60.0), "plays": (3.0, 4.0)}, {"pop": 0.4, "als": 0.3, "bpr": 0.3}
    metrics = [MINUTES, Count("plays", window="7d")]
    shared, found = (
        plan(metrics, baseline=known, effect=0.02, arms=arms, correction=name)["minutes"]
        for name in ("holm", "dunnett")
    )
    assert shared.alpha == pytest.approx(0.0125)
    assert found.alpha > 0.0125
    assert found.units < shared.units
    loadings = np.full(2, np.sqrt((1 / 0.4) / (1 / 0.4 + 1 / 0.3)))
    assert found.alpha == pytest.approx(2 * ndtr(-critical_value(0.975, loadings)), rel=1e-6)


def test_a_frame_with_one_row_a_unit_is_a_past_too() -> None:
    values = np.random.default_rng(3).gamma(2, size=300)
    source = PerUnit({"unit_id": np.arange(300), "variant": ["all"] * 300, "minutes": values})
    found = plan([Mean("minutes")], source, since=SINCE, until=UNTIL, effect=0.1, units_a_day=100)
    assert found["minutes"].baseline == pytest.approx(values.mean())
    assert found["minutes"].history == 300


def test_an_experiment_brings_its_own_settings() -> None:
    test = Experiment("x", {"a": 0.7, "b": 0.3}, control="b", start="2026-06-01", metrics=[MINUTES], confidence=0.9)
    found = plan(test, baseline={"minutes": (40.0, 60.0)}, effect=0.02)
    assert (dict(found.arms), found.confidence) == ({"b": 0.3, "a": 0.7}, 0.9)
    with pytest.raises(ArgumentError, match="its own"):
        plan(test, baseline={"minutes": (40.0, 60.0)}, arms={"a": 1, "b": 1})


def test_who_comes_in_is_the_experiments() -> None:
    frame = {"user_id": np.arange(100), "ts": [datetime(2026, 3, 1, 12)] * 100, "value": np.arange(100.0)}
    users = {"user_id": np.arange(100), "country": ["de", "fr"] * 50}
    source = Frames(events=frame, users=users, complete_through=datetime(2026, 4, 1))
    test = Experiment(
        "x",
        {"a": 0.5, "b": 0.5},
        control="a",
        start="2026-06-01",
        metrics=[Mean("minutes", window="7d")],
        targeting={"country": "de"},
        layer=Layer("home", end=0.5),
        holdout=Holdout("never", 0.2),
    )
    found = plan(test, source, since=SINCE, until="2026-03-08", weeks=1)
    assert found["minutes"].history == 50
    assert found["minutes"].baseline == 49  # the even ones
    assert found.units == 20  # half of the layer, less a fifth
    with pytest.raises(ArgumentError, match="no unit that may come in"):
        plan(replace(test, targeting={"country": "it"}), source, since=SINCE, until="2026-03-08")


def test_power_rises_and_what_is_found_shrinks_week_by_week() -> None:
    found = plan([MINUTES], baseline={"minutes": (40.0, 60.0)}, effect=0.02, units_a_day=9000)
    assert found.enrolment_days is not None
    assert len(found.curve) == found.enrolment_days // 7 + 2
    powers = [point.power for point in found.curve]
    assert powers == sorted(powers)
    assert [point.detectable for point in found.curve] == sorted((one.detectable for one in found.curve), reverse=True)
    at_plan = next(point for point in found.curve if point.days == found.enrolment_days)
    assert at_plan.power >= 0.8
    assert next(point for point in found.curve if point.days == found.enrolment_days - 7).power < 0.8
    assert plan([MINUTES], baseline={"minutes": (40.0, 60.0)}, effect=0.02).curve[3].power == pytest.approx(
        0.8, abs=1e-4
    )


def test_what_cannot_be_planned_says_so() -> None:
    frame = {
        "user_id": np.arange(30),
        "ts": [datetime(2026, 3, 1, 12)] * 30,
        "event": ["play"] * 30,
        "value": [0.0] * 30,
    }
    source = Frames(events=frame, complete_through=datetime(2026, 4, 1))
    metrics = [
        MINUTES,
        Ratio("r", numerator="sum(value)", denominator="sum(value)", window="7d"),
        Proportion("p", window="7d"),
    ]
    found = plan(metrics, source, since=SINCE, until="2026-03-08", effect=0.1, units_a_day=10)
    assert [one.status for one in found.metrics] == ["zero_variance", "zero_denominator", "zero_variance"]
    assert (found.units, found.days) == (None, None)
    assert "no size" in found.summary
    json.dumps(found.to_dict(), allow_nan=False)
    assert plan([MINUTES], baseline={"minutes": (0.0, 1.0)}, effect=0.1, units=100)["minutes"].status == "zero_baseline"


def test_results_are_plain_values_and_can_be_shown(source: Frames) -> None:
    found = plan([MINUTES], source, since=SINCE, until=UNTIL, effect=0.05)
    assert found.to_polars()["metric"].to_list() == ["minutes"]
    assert found.curve_to_polars().height == len(found.curve)
    assert found.to_dict()["since"] == "2026-03-01T00:00:00"
    text = to_text(found.view(), 160)
    assert len(found.view().tables[1].rows) == len(found.curve)  # one goal: a row a week, also when nobody came in it
    assert f"{found.units:,} units" in text
    assert "minutes" in text
    with pytest.raises(NotFoundError, match="hours"):
        found["hours"]


def test_arguments_that_do_not_fit_are_refused(source: Frames) -> None:
    known = {"minutes": (40.0, 60.0)}
    for settings, told in (
        ({"effect": 0.02}, "nothing is known of minutes"),
        ({"baseline": known, "weeks": 2}, "no traffic"),
        ({"baseline": known, "weeks": 2, "units": 10, "units_a_day": 5}, "both given"),
        ({"baseline": known, "effect": {"hours": 0.1}}, "hours"),
        ({"baseline": {"hours": (1.0, 1.0)}}, "hours"),
        ({"baseline": {"minutes": 3.0}}, "baseline of minutes"),
        ({"baseline": known, "power": 1.0}, "power"),
        ({"baseline": known, "arms": {"a": 1.0}}, "arms"),
        ({"baseline": known, "correction": "hollm"}, "correction"),
        ({"source": source}, "reference period"),
        ({"source": source, "since": SINCE, "until": SINCE}, "one day"),
        ({"source": source, "since": "2030-01-01", "until": "2030-02-01"}, "no unit"),
    ):
        with pytest.raises(ArgumentError, match=told):
            plan([MINUTES], **settings)
    for metrics in ([], [MINUTES, MINUTES]):
        with pytest.raises(ArgumentError, match=r"metric|names"):
            plan(metrics, baseline=known)


def _micros(*instants: str) -> tuple[int, ...]:
    return tuple(
        int((datetime.fromisoformat(one) - datetime(1970, 1, 1)) / timedelta(microseconds=1)) for one in instants
    )
