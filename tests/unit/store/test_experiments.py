from __future__ import annotations

from datetime import datetime
from typing import Any

import polars as pl
import pytest

from recsys.core.errors import ArgumentError, NotFoundError
from recsys.store import Store
from recsys.store.experiments import RegisteredExperiment, deviations, plan_hash, register

NOW = datetime(2026, 6, 1)
PLAN: dict[str, Any] = {
    "arms": {"pop": 0.5, "als": 0.5},
    "alpha": 0.05,
    "metrics": [{"name": "minutes", "window": "14d"}, {"name": "plays", "window": "7d"}],
}


def add(
    store: Store,
    declaration: dict[str, Any] = PLAN,
    *,
    begins: datetime | None = None,
    now: datetime = NOW,
    amend: bool = False,
) -> RegisteredExperiment:
    with store.write() as con:
        return register(con, "als-vs-pop", declaration, begins=begins, now=now, amend=amend)


def expose(store: Store, units: list[str], experiment: str = "als-vs-pop") -> int:
    frame = pl.DataFrame({"unit_id": units}).with_columns(
        experiment=pl.lit(experiment), variant=pl.lit("als"), ts=pl.lit("2026-06-01T00:00:00Z")
    )
    return store.ingest("exposures", frame).ingest_ids[0]


def test_an_experiment_is_kept_as_it_was_declared(store: Store) -> None:
    added = add(store)
    found = store.experiment("als-vs-pop")
    assert found == added
    assert (found.status, found.declaration, found.plan, found.deviations) == ("draft", PLAN, PLAN, ())
    assert found.plan_hash == plan_hash(PLAN)
    assert [one.name for one in store.experiments()] == ["als-vs-pop"]
    with pytest.raises(NotFoundError, match="no experiment 'als-vs-pip'.*did you mean 'als-vs-pop'"):
        store.experiment("als-vs-pip")


def test_a_draft_is_replaced_and_its_plan_with_it(store: Store) -> None:
    add(store)
    changed = add(store, {**PLAN, "alpha": 0.1})
    assert changed.plan == changed.declaration == {**PLAN, "alpha": 0.1}
    assert changed.plan_hash == plan_hash(changed.plan) != plan_hash(PLAN)
    assert changed.deviations == ()
    assert [one.action for one in changed.changes] == ["create", "replace"]
    assert [one.action for one in add(store, {**PLAN, "alpha": 0.1}).changes] == ["create", "replace"]


@pytest.mark.parametrize("by", ["start", "exposure"])
def test_the_plan_of_one_that_runs_is_frozen(store: Store, by: str) -> None:
    add(store, begins=NOW if by == "start" else None)
    if by == "exposure":
        expose(store, ["u"])
    metrics = [{"name": "minutes", "window": "7d"}, PLAN["metrics"][1]]
    changed = {**PLAN, "metrics": metrics, "cap": 0.99}
    with pytest.raises(ArgumentError, match=r"running, and its plan is frozen \(metrics.minutes.window, cap differs\)"):
        add(store, changed)
    amended = add(store, changed, amend=True)
    assert (amended.status, amended.plan, amended.declaration) == ("running", PLAN, changed)
    assert amended.plan_hash == plan_hash(PLAN)
    assert [str(one) for one in amended.deviations] == [
        "metrics.minutes.window: planned 14d, now 7d",
        "cap: planned nothing, now 0.99",
    ]
    assert [(one.action, one.detail) for one in amended.changes][1] == ("amend", "metrics.minutes.window, cap")
    assert add(store, PLAN, amend=True).deviations == ()


def test_one_that_was_stopped_stays_as_it_is(store: Store) -> None:
    add(store, begins=NOW)
    stopped = store.stop_experiment("als-vs-pop", "guardrail")
    assert stopped.status == "stopped"
    assert stopped.stopped_at is not None
    assert stopped.changes[-1][1:] == ("stop", "guardrail")
    assert store.stop_experiment("als-vs-pop") == stopped
    assert add(store) == stopped
    with pytest.raises(ArgumentError, match=r"was stopped and is declared otherwise now \(alpha\)"):
        add(store, {**PLAN, "alpha": 0.1}, amend=True)


def test_exposures_out_of_sight_do_not_count(store: Store) -> None:
    add(store)
    change = expose(store, ["a", "b", "a"])
    expose(store, ["z"], experiment="another")
    assert store.experiment("als-vs-pop").exposed == 2
    store.revert(change)
    assert store.experiment("als-vs-pop").exposed == 0
    assert store.experiment("als-vs-pop").status == "draft"


def test_overrides_name_no_unit_in_the_history_and_are_forgotten(store: Store) -> None:
    add(store)
    expose(store, ["zoe"])
    changed = store.override_units("als-vs-pop", {"zoe": "als", "bob": "pop", "cy": "pop"})
    assert changed.overrides == {"bob": "pop", "cy": "pop", "zoe": "als"}
    assert changed.changes[-1][1:] == ("override", "3 units")
    assert store.override_units("als-vs-pop", {"cy": None, "bob": "als"}).overrides == {"bob": "als", "zoe": "als"}
    assert store.forget("zoe").rows == {"exposures": 1, "experiment_overrides": 1}
    assert store.experiment("als-vs-pop").overrides == {"bob": "als"}


def test_deviations_see_what_came_went_and_changed() -> None:
    found = deviations({"a": 1, "b": {"c": "x"}, "d": [1, 2]}, {"b": {"c": "y"}, "d": [1, 3], "e": True})
    assert [tuple(one) for one in found] == [
        ("a", "1", None),
        ("b.c", "x", "y"),
        ("d", "[1,2]", "[1,3]"),
        ("e", None, "true"),
    ]


def test_the_view_shows_plan_deviations_and_history(store: Store) -> None:
    add(store, begins=NOW)
    shown = repr(add(store, {**PLAN, "alpha": 0.1}, amend=True))
    for part in ("running, 0 units exposed", "deviations from the plan", "amend", f"plan {plan_hash(PLAN)[:12]}"):
        assert part in shown
    assert set(store.experiment("als-vs-pop").to_dict()) >= {"declaration", "deviations", "plan_hash", "changes"}
