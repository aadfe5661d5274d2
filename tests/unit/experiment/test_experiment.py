"""The declaration of an experiment: what is refused, what is kept, plain values, TOML, and the hash of the plan."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from recsys.core.errors import ArgumentError, NotFoundError
from recsys.experiment import (
    ConfidenceSequence,
    Count,
    Experiment,
    GroupSequential,
    Holdout,
    Layer,
    Mean,
    Proportion,
    Quantile,
    Ratio,
    Retention,
    Stage,
)

MINUTES = Mean("minutes", event="play", window="14d", pre_period="28d", covariates=("country",))
CRASHES = Count("crashes", event="crash", role="guardrail", direction="decrease", margin=0.02)


def experiment(**changed: Any) -> Experiment:
    settings: dict[str, Any] = {
        "arms": {"pop": 0.5, "als": 0.5},
        "control": "pop",
        "start": "2026-06-08",
        "metrics": [MINUTES, CRASHES],
        **changed,
    }
    return Experiment("als-vs-pop", **settings)


FULL = {
    "arms": {"pop": 0.5, "ease": 0.25, "als": 0.25},
    "end": "2026-07-08T12:00",
    "unit": "account_id",
    "salt": "s1",
    "layer": Layer("home", 0.25, 0.75),
    "holdout": Holdout("2026-h1", 0.05),
    "targeting": {"country": ["SE", "NO"], "age": {">=": 18}},
    "ramp": [Stage("2026-06-08", 0.05, {"pop": 0.9, "als": 0.05, "ease": 0.05}), Stage("2026-06-15", 1)],
    "assignment": "hash",
    "overrides": {"17": "als", 3: "pop"},
    "segments": ["country", "device"],
    "confidence": 0.9,
    "correction": "bh",
    "monitoring": GroupSequential((0.5, 1.0), spending="pocock"),
    "planned_units": 20_000,
    "metrics": [
        MINUTES,
        CRASHES,
        Ratio("completion", numerator="sum(completion)", event="play", where={"device": "tv"}, cap=0.999),
        Ratio("ctr", numerator="count()", event="click", denominator_table="impressions"),
        Proportion("rated", event="rating", window=timedelta(hours=36)),
        Quantile("heavy", q=0.9, event="play", cap_at=100),
        Retention("d28", day=28),
    ],
}


def test_arms_are_kept_with_the_control_first_and_the_others_by_name() -> None:
    assert experiment(**FULL).arm_names == ("pop", "als", "ease")
    assert list(experiment(arms={"als": 0.5, "pop": 0.5}).arms) == ["pop", "als"]


def test_plain_values_and_back_through_json() -> None:
    for one in (experiment(), experiment(**FULL), experiment(monitoring=ConfidenceSequence("betting"))):
        back = Experiment.from_dict(json.loads(json.dumps(one.to_dict(), sort_keys=True)))
        assert back == one
        assert back.plan_hash == one.plan_hash
        assert back.arm_names == one.arm_names


def test_defaults_are_left_out_of_plain_values() -> None:
    assert set(experiment().to_dict()) == {"name", "arms", "control", "start", "metrics"}
    assert Count("plays", event="play") == Count("plays", event="play", role="goal")
    assert experiment(metrics=[Count("plays")]).to_dict()["metrics"] == [{"type": "count", "name": "plays"}]


def test_the_hash_does_not_depend_on_spelling() -> None:
    zone = timezone(timedelta(hours=2))
    for start in (
        date(2026, 6, 8),
        datetime(2026, 6, 8),
        "2026-06-08T02:00+02:00",
        datetime(2026, 6, 8, 2, tzinfo=zone),
    ):
        assert experiment(start=start).plan_hash == experiment().plan_hash
    for window in ("336h", "2w", timedelta(days=14)):
        metric = Mean("minutes", event="play", window=window, pre_period="4w", covariates=["country"])  # type: ignore[arg-type]
        assert experiment(metrics=[metric, CRASHES]).plan_hash == experiment().plan_hash
    same = [Count("a", where={"device": ["tv", "web", "tv"]}), Count("a", where={"device": {"in": ["web", "tv"]}})]
    assert len({experiment(metrics=[one]).plan_hash for one in same}) == 1
    assert experiment(ramp=[Stage("2026-06-08", 1)]).plan_hash == experiment(ramp=[Stage("2026-06-08", 1.0)]).plan_hash


@pytest.mark.parametrize(
    "changed",
    [
        {"start": "2026-06-09"},
        {"end": "2026-08-01"},
        {"arms": {"pop": 0.4, "als": 0.6}},
        {"control": "als"},
        {"metrics": [CRASHES, MINUTES]},
        {"metrics": [MINUTES]},
        {"confidence": 0.9},
        {"correction": "bh"},
        {"salt": "other"},
        {"overrides": {"1": "als"}},
        {"assignment": "elsewhere"},
        {"monitoring": ConfidenceSequence()},
    ],
)
def test_the_hash_changes_with_every_part(changed: dict[str, Any]) -> None:
    assert experiment(**changed).plan_hash != experiment().plan_hash


def test_the_hash_is_what_it_was() -> None:
    """A stored plan must not read as changed after an update of this library."""
    assert experiment().plan_hash.startswith("0fa78fd68758d324")
    assert experiment(**FULL).plan_hash.startswith("00f4b76a93e47320")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"arms": {"pop": 0.5, "als": 0.4}}, "weights of arms sum to 0.9. A sum of 1"),
        ({"arms": {"pop": 1 / 3, "als": 2 / 3}}, "use .3333, not 1/3"),
        ({"arms": {"pop": 1.0}}, "at least one other arm"),
        ({"arms": ["pop", "als"]}, "weights by arm were expected"),
        ({"arms": {"pop": 1.5, "als": -0.5}}, "weight of pop is 1.5"),
        ({"control": "poq"}, "did you mean 'pop'"),
        ({"end": "2026-06-08"}, "an end after the start"),
        ({"start": "soon"}, "start is 'soon'"),
        ({"metrics": []}, "at least one metric"),
        ({"metrics": ["minutes"]}, "a Metric was expected"),
        ({"metrics": [MINUTES, MINUTES]}, "'minutes' and 'minutes' both have the column 'minutes'"),
        ({"metrics": [MINUTES, Mean("minutes.pre")]}, "both have the column 'minutes.pre'"),
        ({"segments": ["minutes"]}, "'minutes' has the column 'minutes'. another name"),
        ({"metrics": [Mean("stage")]}, "'stage' has the column 'stage'. another name"),
        ({"segments": "country"}, "a list of names"),
        ({"segments": ["a", "a"]}, "distinct names"),
        ({"confidence": 95}, "95 % is confidence=0.95"),
        ({"correction": "hollm"}, "did you mean 'holm'"),
        ({"monitoring": "msprt"}, "a ConfidenceSequence or GroupSequential was expected"),
        ({"monitoring": GroupSequential()}, "planned_units is None"),
        ({"planned_units": 0}, "planned_units is 0"),
        ({"layer": "home"}, "a Layer was expected"),
        ({"holdout": 0.1}, "a Holdout was expected"),
        ({"overrides": {"1": "alz"}}, "the arm of unit 1 is 'alz'"),
        ({"targeting": {"country": []}}, "filter on country"),
        ({"ramp": [Stage("2026-06-09")]}, "ascending dates from 2026-06-08"),
        ({"ramp": [Stage("2026-06-08", 0.5), Stage("2026-06-09", 0.4)]}, "shares that never fall"),
        ({"ramp": [Stage("2026-06-08", 0.5), Stage("2026-06-08", 0.6)]}, "ascending dates"),
        ({"ramp": [Stage("2026-06-08", 1, {"pop": 1.0})]}, "weights of pop, als were expected"),
        ({"salt": ""}, "salt is ''"),
        (
            {"metrics": [Mean("a", covariates=("minuts.pre",)), MINUTES]},
            "'minuts.pre' of a .*did you mean 'minutes.pre'",
        ),
        (
            {"metrics": [Mean("a", pre_period="7d", covariates=("a.pre",))]},
            "'a.pre' of a is no column of another metric",
        ),
        ({"assignment": "md5"}, "assignment is 'md5'"),
        (
            {"ramp": [Stage("2026-06-08", 1, {"pop": 0.9, "als": 0.1}), Stage("2026-06-09")]},
            "weights of the ramp change",
        ),
    ],
)
def test_what_is_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=f"(?i){message}"):
        experiment(**changed)


def test_parts_are_refused() -> None:
    for build, message in (
        (lambda: Stage("2026-06-08", 0), "above 0"),
        (lambda: Layer("home", 0.5, 0.5), "an end above the begin"),
        (lambda: Layer(""), "name of a layer"),
        (lambda: Holdout("h", 1.0), "between 0 and 1"),
        (lambda: GroupSequential((0.5, 0.9)), "end with 1"),
        (lambda: GroupSequential(0), "looks is 0"),
        (lambda: ConfidenceSequence(burn_in=-1), "burn_in is -1"),
    ):
        with pytest.raises(ArgumentError, match=f"(?i){message}"):
            build()


def test_the_request_names_every_column() -> None:
    request = experiment(**FULL).request("2026-07-06")
    assert set(request.measures) == {
        "minutes", "minutes.pre", "crashes", "completion.numerator", "completion.denominator",
        "ctr.numerator", "ctr.denominator", "rated", "heavy", "d28",
    }  # fmt: skip
    assert request.attributes == ("country", "device")
    assert request.unit == "account_id"
    assert request.through == 1_783_296_000_000_000
    population = request.population
    assert population.arms == ("pop", "als", "ease")  # type: ignore[union-attr]
    assert population.decreed == ("17", "3")  # type: ignore[union-attr]
    assert len(population.stages) == 2  # type: ignore[union-attr]


def test_a_covariate_that_is_another_metric_before_exposure_is_no_attribute() -> None:
    plays = Count("plays", pre_period="7d")
    test = experiment(metrics=[plays, Mean("minutes", covariates=("plays.pre", "country"))])
    assert test.request().attributes == ("country",)
    assert set(test.request().measures) == {"plays", "plays.pre", "minutes"}


def test_stages_have_weights() -> None:
    assert experiment().stages == (Stage("2026-06-08", 1.0, {"pop": 0.5, "als": 0.5}),)
    assert [dict(stage.weights or {})["als"] for stage in experiment(**FULL).stages] == [0.05, 0.25]


def test_a_metric_by_name() -> None:
    assert experiment().metric("crashes") is CRASHES
    with pytest.raises(NotFoundError, match="did you mean 'crashes'"):
        experiment().metric("crash")


TOML = """
name = "als-vs-pop"
control = "pop"
start = 2026-06-08
end = 2026-07-08T12:00:00Z
unit = "account_id"
salt = "s1"
assignment = "hash"
segments = ["country", "device"]
confidence = 0.9
correction = "bh"
planned_units = 20000

[arms]
pop = 0.5
ease = 0.25
als = 0.25

[layer]
name = "home"
begin = 0.25
end = 0.75

[holdout]
name = "2026-h1"
share = 0.05

[targeting]
country = ["SE", "NO"]
age = { ">=" = 18 }

[overrides]
17 = "als"
3 = "pop"

[monitoring]
type = "group_sequential"
looks = [0.5, 1]
spending = "pocock"

[[ramp]]
start = 2026-06-08
share = 0.05
weights = { pop = 0.9, als = 0.05, ease = 0.05 }

[[ramp]]
start = 2026-06-15

[[metrics]]
type = "mean"
name = "minutes"
event = "play"
window = "14d"
pre_period = "28d"
covariates = ["country"]

[[metrics]]
type = "count"
name = "crashes"
event = "crash"
role = "guardrail"
direction = "decrease"
margin = 0.02

[[metrics]]
type = "ratio"
name = "completion"
numerator = "sum(completion)"
event = "play"
where = { device = "tv" }
cap = 0.999

[[metrics]]
type = "ratio"
name = "ctr"
numerator = "count()"
event = "click"
denominator_table = "impressions"

[[metrics]]
type = "proportion"
name = "rated"
event = "rating"
window = "36h"

[[metrics]]
type = "quantile"
name = "heavy"
q = 0.9
event = "play"
cap_at = 100

[[metrics]]
type = "retention"
name = "d28"
day = 28
"""


def test_toml_reaches_every_part(tmp_path: Path) -> None:
    path = tmp_path / "als-vs-pop.toml"
    path.write_text(TOML, "utf-8")
    assert Experiment.from_toml(path) == experiment(**FULL)
    assert Experiment.from_toml(path).plan_hash == experiment(**FULL).plan_hash


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("segments =", "segmnets =", "the key 'segmnets'.*did you mean 'segments'"),
        ('window = "14d"', 'windw = "14d"', "metric 1 has the key 'windw'.*did you mean 'window'"),
        ('type = "mean"', 'type = "meen"', "type of metric 1 is 'meen'.*did you mean 'mean'"),
        ('type = "count"\n', "", "metric 2 has no 'type'"),
        ('control = "pop"', "", "the experiment has no 'control'"),
        ("share = 0.05\nweights", "shares = 0.05\nweights", "stage 1 of the ramp has the key 'shares'"),
        ("[layer]", "[[layer]]", "layer is"),
        ("[arms]", "[arms", "is not TOML"),
    ],
)
def test_toml_that_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(TOML.replace(old, new, 1), "utf-8")
    with pytest.raises(ArgumentError, match=f"(?i){message}"):
        Experiment.from_toml(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="cannot be read"):
        Experiment.from_toml(tmp_path / "none.toml")
