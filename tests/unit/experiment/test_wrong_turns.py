"""Slips of whoever calls the library: one error that says what was expected."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError
from recsys.core.frames import as_polars
from recsys.experiment import Count, Experiment, Frames, GroupSequential, Mean, plan, validate
from recsys.experiment.times import dates_of

from .made_up import experiment, unit_table


def table() -> Any:
    return unit_table([0, 1] * 50, {"minutes": list(range(100))})


def test_a_plain_frame_is_no_source() -> None:
    frame = pl.DataFrame({"unit_id": [1], "arm": ["pop"]})
    for plain in (frame, frame.lazy(), {"unit_id": [1]}, None):
        with pytest.raises(ArgumentError, match="store, Frames, PerUnit or a table of units was expected") as caught:
            experiment().analyze(plain)  # type: ignore[arg-type]
        assert "PerUnit(frame, …)" in caught.value.hint


def test_limits_and_attributes_of_the_wrong_kind() -> None:
    with pytest.raises(ArgumentError, match="Thresholds were expected"):
        experiment().analyze(table(), limits={"srm": 0.001})
    with pytest.raises(ArgumentError, match="list of names was expected"):
        experiment().analyze(table(), by="country")
    with pytest.raises(ArgumentError, match="list was expected"):
        experiment().analyze(table(), holidays="2026-12-24")


@pytest.mark.parametrize("units", ["abc", 7])
def test_one_unit_is_no_list_of_units(units: Any) -> None:
    with pytest.raises(ArgumentError, match="list of ids was expected"):
        experiment().assign(units)


def test_a_pandas_frame_with_a_column_twice() -> None:
    frame = pytest.importorskip("pandas").DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(DataError, match="several columns 'a'"):
        as_polars(frame)


def test_days_and_spans() -> None:
    assert dates_of(["2026-12-24/2026-12-25", date(2027, 1, 1)]) == (
        date(2026, 12, 24), date(2026, 12, 25), date(2027, 1, 1),
    )  # fmt: skip


def test_exposures_in_the_ids_of_users_where_the_unit_is_an_account() -> None:
    """A third of the users' ids happen to be ids of accounts as well; the rest exist nowhere."""
    users = pl.DataFrame({"user_id": range(300), "account_id": [user // 3 for user in range(300)]})
    shown = pl.DataFrame({"unit_id": range(300), "variant": ["a", "b"] * 150}).with_columns(ts=pl.datetime(2026, 6, 2))
    plays = pl.DataFrame({"user_id": range(300), "event": ["play"] * 300}).with_columns(ts=pl.datetime(2026, 6, 3))
    source = Frames(events=plays, exposures=shown, users=users)
    test = Experiment(
        "x", {"a": 0.5, "b": 0.5}, control="a", start="2026-06-01", unit="account_id",
        metrics=[Count("plays", event="play")],
    )  # fmt: skip
    found = test.analyze(source)
    assert found.check("mapping").status == "fail"
    assert "200 units of 300 (66.7 %)" in found.check("mapping").detail
    assert found.decision.action == "blocked"
    assert found.check("seen").status == "warn"
    right = Frames(events=plays, exposures=shown.filter(pl.col("unit_id") < 100), users=users)
    assert test.analyze(right).check("mapping").status == "ok"


def test_variants_in_another_case_are_named_and_guessed() -> None:
    table = unit_table([0, 1] * 50, {"minutes": list(range(100))}, enrolment={"unknown_variant": {"POP": 3}})
    assert "'POP' 3 (did you mean 'pop'?)" in experiment().analyze(table).check("unusable").detail


def test_those_exposed_before_the_start_are_told_of() -> None:
    found = experiment().analyze(unit_table([], {"minutes": []}, enrolment={"before_start": 12}))
    assert found.check("seen").detail == "nobody was exposed after the start, and 12 before it"


def test_too_early_is_no_failed_check() -> None:
    table = unit_table([0, 1] * 500, {"minutes": list(range(1000))}, matured={"minutes": np.zeros(1000, np.bool_)})
    decision = experiment(Mean("minutes", window="7d")).analyze(table).decision
    assert (decision.action, decision.headline) == ("blocked", "Too early: no unit's window has ended.")


def test_the_reason_for_no_size_is_the_real_one() -> None:
    events = pl.DataFrame({"user_id": [1, 2], "event": ["play"] * 2}).with_columns(ts=pl.datetime(2026, 6, 3))
    found = plan(
        [Count("plays", event="play", window="1d")],
        Frames(events=events),
        since="2026-06-01",
        until="2026-06-10",
        effect=0.02,
    )
    assert found.summary == "no size: plays: too few units whose window ended in the reference period (0)"


def test_numbers_are_plain_in_the_text_of_results() -> None:
    rng = np.random.default_rng(0)
    found = experiment().analyze(unit_table([0, 1] * 100, {"minutes": rng.normal(5, 1, 200)}))
    assert "np.float64" not in repr(found.bootstrap("minutes", replicates=50))
    assert "np.float64" not in repr(found.bayes("minutes"))


def test_a_toml_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    text = (
        'name = "x"\ncontrol = "a"\nstart = 2026-06-01\narms = {a = 0.5, b = 0.5}\n'
        '[[metrics]]\ntype = "count"\nname = "plays"\n'
    )
    (tmp_path / "x.toml").write_text(text, "utf-8-sig")
    assert Experiment.from_toml(tmp_path / "x.toml").name == "x"


@pytest.mark.parametrize("effect", [2, 1e-9, 1e308, 0, {"plays": 2}])
def test_an_effect_in_percent_or_none_at_all(effect: Any) -> None:
    with pytest.raises(ArgumentError, match=r"umber at least 1e-06 and at most 1 was expected") as caught:
        plan([Count("plays", event="play", window="1d")], baseline={"plays": (4.0, 6.0)}, effect=effect)
    assert caught.value.hint == "2 % is 0.02"


def test_sizes_beyond_reason() -> None:
    with pytest.raises(ArgumentError, match="at most 1,000,000,000,000 was expected") as caught:
        experiment(planned_units=10**400)
    assert len(str(caught.value)) < 200
    for looks in (1_000_000, tuple((place + 1) / 2000 for place in range(2000))):
        with pytest.raises(ArgumentError, match="t most 1,000 w"):
            GroupSequential(looks)
    with pytest.raises(ArgumentError, match="at most 1,000,000 was expected"):
        validate(experiment(), table(), splits=10**9)
    with pytest.raises(ArgumentError, match=r"20 % is 0\.2"):
        validate(experiment(), table(), lift=20)
