from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl
import pytest

from recsys.core.errors import ArgumentError, NotFoundError
from recsys.experiment import Count, Experiment, Mean
from recsys.store import Store
from recsys.store.experiments import register
from recsys.store.registered import RegisteredExperiment, deviations
from recsys.store.runs import Run, add_run

NOW = datetime(2026, 6, 1)
BEFORE = NOW - timedelta(days=1)
PLAN = Experiment(
    "als-vs-pop",
    {"pop": 0.5, "als": 0.5},
    control="pop",
    start=NOW,
    metrics=[Mean("minutes", window="14d"), Count("plays", window="7d")],
)
CHANGED = replace(PLAN, confidence=0.9)


def add(
    store: Store, experiment: Experiment = PLAN, *, now: datetime = BEFORE, amend: bool = False
) -> RegisteredExperiment:
    with store.write() as con:
        return register(con, experiment, now, amend=amend)


@pytest.fixture
def later() -> Experiment:
    """An experiment that is a draft whenever the tests run."""
    return replace(PLAN, start=datetime(2200, 1, 1))


def expose(store: Store, units: list[str], experiment: str = "als-vs-pop") -> int:
    frame = pl.DataFrame({"unit_id": units}).with_columns(
        experiment=pl.lit(experiment), variant=pl.lit("als"), ts=pl.lit("2026-06-01T00:00:00Z")
    )
    return store.ingest("exposures", frame).ingest_ids[0]


def test_an_experiment_is_kept_as_it_was_declared(store: Store, later: Experiment) -> None:
    added = add(store, later)
    found = store.experiment("als-vs-pop")
    assert found == added
    assert (found.status, found.deviations, found.experiment) == ("draft", (), later)
    assert found.plan == found.declaration == later.to_dict()
    assert found.plan_hash == later.plan_hash
    assert [one.name for one in store.experiments()] == ["als-vs-pop"]
    with pytest.raises(NotFoundError, match="no experiment 'als-vs-pip'.*did you mean 'als-vs-pop'"):
        store.experiment("als-vs-pip")


def test_a_draft_is_replaced_and_its_plan_with_it(store: Store) -> None:
    add(store)
    changed = add(store, CHANGED)
    assert changed.plan == changed.declaration == CHANGED.to_dict()
    assert changed.plan_hash == CHANGED.plan_hash != PLAN.plan_hash
    assert changed.deviations == ()
    assert [one.action for one in changed.changes] == ["create", "replace"]
    assert [one.action for one in add(store, CHANGED).changes] == ["create", "replace"]


@pytest.mark.parametrize("by", ["start", "exposure"])
def test_the_plan_of_one_that_runs_is_frozen(store: Store, by: str) -> None:
    add(store)
    now = NOW if by == "start" else BEFORE
    if by == "exposure":
        expose(store, ["u"])
    changed = replace(PLAN, metrics=[Mean("minutes", window="7d"), PLAN.metrics[1]], confidence=0.9)
    with pytest.raises(ArgumentError, match=r"plan is frozen \(metrics.minutes.window, confidence would change\)"):
        add(store, changed, now=now)
    amended = add(store, changed, now=now, amend=True)
    assert (amended.status, amended.plan, amended.experiment) == ("running", PLAN.to_dict(), changed)
    assert amended.plan_hash == PLAN.plan_hash
    assert [str(one) for one in amended.deviations] == [
        "metrics.minutes.window: planned 14d, now 7d",
        "confidence: planned the default, now 0.9",
    ]
    assert [(one.action, one.detail) for one in amended.changes][1] == ("amend", "metrics.minutes.window, confidence")
    assert add(store, PLAN, now=now, amend=True).deviations == ()


def test_one_that_was_stopped_stays_as_it_is(store: Store) -> None:
    add(store)
    stopped = store.stop_experiment("als-vs-pop", "guardrail")
    assert stopped.status == "stopped"
    assert stopped.stopped_at is not None
    assert stopped.changes[-1][1:] == ("stop", "guardrail")
    assert store.stop_experiment("als-vs-pop") == stopped
    with pytest.raises(ArgumentError, match=r"was stopped\. One that was not stopped"):
        add(store)
    with pytest.raises(ArgumentError, match=r"was stopped and is declared otherwise now \(confidence\)"):
        add(store, CHANGED, amend=True)


def test_exposures_out_of_sight_do_not_count(store: Store, later: Experiment) -> None:
    add(store, later)
    change = expose(store, ["a", "b", "a"])
    expose(store, ["z"], experiment="another")
    assert (store.experiment("als-vs-pop").exposed, store.experiment("als-vs-pop").status) == (2, "running")
    store.revert(change)
    assert (store.experiment("als-vs-pop").exposed, store.experiment("als-vs-pop").status) == (0, "draft")


def test_overrides_name_no_unit_in_the_history_and_are_forgotten(store: Store) -> None:
    add(store)
    expose(store, ["zoe"])
    changed = store.override_units("als-vs-pop", {"zoe": "als", "bob": "pop", "cy": "pop"})
    assert changed.overrides == {"bob": "pop", "cy": "pop", "zoe": "als"}
    assert changed.changes[-1][1:] == ("override", "3 units")
    assert store.override_units("als-vs-pop", {"cy": None, "bob": "als"}).overrides == {"bob": "als", "zoe": "als"}
    assert store.forget("zoe").rows == {"exposures": 1, "experiment_overrides": 1}
    assert store.experiment("als-vs-pop").overrides == {"bob": "als"}
    with pytest.raises(ArgumentError, match="the arm of unit bob is 'nix'"):
        store.override_units("als-vs-pop", {"bob": "nix"})


def test_declared_overrides_are_no_part_of_the_plan(store: Store) -> None:
    declared = replace(PLAN, overrides={"bob": "pop", "zoe": "als"})
    added = add(store, declared)
    assert (added.plan_hash, added.plan, added.experiment) == (PLAN.plan_hash, PLAN.to_dict(), declared)
    assert add(store, PLAN).overrides == declared.overrides
    assert add(store, replace(PLAN, overrides={"bob": "als"}), now=NOW).overrides == {"bob": "als"}
    assert store.experiment("als-vs-pop").deviations == ()


def test_a_person_is_forgotten_in_coarser_units_that_hold_nobody_else(store: Store) -> None:
    add(store, replace(PLAN, unit="account", overrides={"A": "als", "B": "als"}))
    store.ingest("users", pl.DataFrame({"user_id": ["zoe", "bob", "cy"], "account": ["A", "B", "B"]}))
    expose(store, ["A", "B", "zoe"])
    expose(store, ["zoe", "A"], experiment="of-users")
    assert store.forget("zoe").rows["exposures"] == 2
    assert sorted(store.exposures().select("experiment", "unit_id").rows()) == [
        ("als-vs-pop", "B"),
        ("als-vs-pop", "zoe"),  # an account that is called like a user
        ("of-users", "A"),
    ]
    assert store.experiment("als-vs-pop").overrides == {"B": "als"}
    assert store.forget("bob").rows.get("exposures") is None


def test_an_analysis_of_a_person_who_was_forgotten_cannot_be_repeated(store: Store) -> None:
    add(store)
    expose(store, ["zoe", "bob"])
    with store.write() as con:
        for run_id, mark in (("before", 0), ("after", 1)):
            recipe = {"experiment": "als-vs-pop", "high_water": mark}
            add_run(con, Run(run_id, "analysis", NOW, recipe))
    assert store.experiment("als-vs-pop").last_analysis == "before"
    assert store.forget("zoe").runs == ("after",)
    assert [store.run(name).repeatable for name in ("before", "after")] == [True, False]


def test_deviations_see_what_came_went_and_changed() -> None:
    found = deviations({"a": 1, "b": {"c": "x"}, "d": [1, 2]}, {"b": {"c": "y"}, "d": [1, 3], "e": True})
    assert [tuple(one) for one in found] == [
        ("a", "1", None),
        ("b.c", "x", "y"),
        ("d", "[1,2]", "[1,3]"),
        ("e", None, "true"),
    ]


def test_the_view_shows_plan_deviations_and_history(store: Store) -> None:
    add(store, now=NOW)
    shown = repr(add(store, CHANGED, now=NOW, amend=True))
    for part in ("running, 0 units exposed", "deviations from the plan", "amend", f"plan {PLAN.plan_hash[:12]}"):
        assert part in shown
    assert set(store.experiment("als-vs-pop").to_dict()) >= {"declaration", "deviations", "plan_hash", "changes"}
