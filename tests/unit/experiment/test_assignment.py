"""Assignment: docs/assignment.md, to the byte; no ramp moves a unit; layers, holdouts, targeting, overrides."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

import recsys as rs
from recsys.core.errors import ArgumentError, DataError
from recsys.experiment import Count, Experiment, Holdout, Layer, Stage
from recsys.experiment.assignment import assigned_arms
from recsys.kernels import Texts, hash_buckets

DOCS = (Path(__file__).parents[3] / "docs" / "assignment.md").read_text("utf-8")
DURING = "2026-06-20"
UNITS = np.arange(20_000)


def made(name: str = "checkout", **fields: Any) -> Experiment:
    arms = fields.pop("arms", {"a": 0.5, "b": 0.5})
    base = {"control": "a", "start": "2026-06-01", "metrics": [Count("plays", event="play")]}
    return Experiment(name, arms, **(base | fields))


def documented() -> dict[str, Any]:
    """The Python of the page, executed."""
    names: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)[0], names)
    return names


def test_the_vectors_of_the_page_hold_for_its_python_and_for_the_kernel() -> None:
    rows = re.findall(r"^\| `([^|]*:)` \| `?([^|`]*?)`? \| ([0-9a-f]{13}) \| (\d+) \|$", DOCS, re.MULTILINE)
    assert len(rows) == 15
    bucket = documented()["bucket"]
    for prefix, unit, digits, expected in rows:
        assert int(digits, 16) % 10_000 == int(expected) == bucket(prefix, unit)
        text = np.frombuffer(unit.encode(), np.uint8)
        assert hash_buckets(prefix, Texts(np.array([0, len(text)]), text)).tolist() == [int(expected)]
        if re.fullmatch(r"-?\d+", unit):
            assert hash_buckets(prefix, np.array([int(unit)])).tolist() == [int(expected)]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=30) | st.lists(st.text(), min_size=1, max_size=30),
    st.integers(0, 2),
)
def test_the_ten_lines_of_the_page_give_the_same_arms(units: list[int] | list[str], begun: int) -> None:
    ramp = [
        Stage("2026-06-01", 0.2, {"a": 0.9, "b": 0.1}),
        Stage("2026-06-02", 0.6, {"a": 0.0, "b": 1.0}),
        Stage("2026-06-03"),
    ]
    test = made(ramp=ramp, salt="Ünïque: salt", assignment="hash")
    stages = [(2000, {"a": 9000, "b": 1000}), (6000, {"a": 0, "b": 10_000}), (10_000, {"a": 5000, "b": 5000})]
    arm = documented()["arm"]
    expected = [arm("Ünïque: salt", unit, stages[: begun + 1]) for unit in units]
    assert rs.assign(test, units, at=f"2026-06-0{begun + 1}")["variant"].to_list() == expected


def test_weights_are_kept_to_the_ten_thousandth() -> None:
    weights = {"a": 0.7, "b": 0.2001, "c": 0.0999, "d": 0.0}
    found = rs.assign(made(arms=weights), np.arange(400_000), at=DURING)["variant"].value_counts()
    counts = dict(found.iter_rows())
    assert "d" not in counts
    assert chisquare([counts[arm] for arm in "abc"], [280_000, 80_040, 39_960]).pvalue > 0.001


def test_integers_and_their_text_are_one_unit() -> None:
    numbers, texts = (rs.assign(made(), ids, at=DURING)["variant"] for ids in (UNITS, UNITS.astype(str)))
    assert numbers.to_list() == texts.to_list()


def test_long_lists_are_cut_into_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"unit {n} ü" for n in range(1000)]
    whole = rs.assign(made(), texts, at=DURING)
    monkeypatch.setattr("recsys.experiment.assignment._UNITS_PER_BLOCK", 77)
    assert rs.assign(made(), texts, at=DURING).equals(whole)


def test_a_ramp_lets_units_in_and_never_moves_one() -> None:
    ramp = [
        Stage("2026-06-01", 0.01, {"a": 0.95, "b": 0.05}),
        Stage("2026-06-05", 0.1),
        Stage("2026-06-09", 0.5),
        Stage("2026-06-12"),
    ]
    test = made(ramp=ramp, assignment="hash")
    before = rs.assign(test, UNITS, at="2026-05-31")
    assert before["reason"].unique().to_list() == ["not_started"]
    for day, share in (("2026-06-01", 0.01), ("2026-06-05", 0.1), ("2026-06-09", 0.5), ("2026-06-12", 1)):
        now = rs.assign(test, UNITS, at=day)
        inside = now["variant"].is_not_null()
        assert inside.mean() == pytest.approx(share, abs=4 * 0.5 / np.sqrt(len(UNITS)))
        was_in = before["variant"].is_not_null()
        assert now["variant"].filter(was_in).equals(before["variant"].filter(was_in))
        assert set(now["reason"].filter(~inside)) <= {"later_stage"}
        before = now


def test_experiments_in_parts_of_a_layer_share_no_unit_and_all_units_are_in_one() -> None:
    parts = [Layer("home", end=0.3), Layer("home", 0.3, 0.8), Layer("home", 0.8)]
    inside = [
        rs.assign(made(f"test {place}", layer=part), UNITS, at=DURING)["variant"].is_not_null().to_numpy()
        for place, part in enumerate(parts)
    ]
    assert (np.sum(inside, axis=0) == 1).all()
    assert chisquare(np.sum(inside, axis=1), 20_000 * np.array([0.3, 0.5, 0.2])).pvalue > 0.001


def test_a_holdout_is_the_same_for_all_its_experiments() -> None:
    held = [
        (rs.assign(made(name, holdout=Holdout("h1", 0.05)), UNITS, at=DURING)["reason"] == "holdout").to_numpy()
        for name in ("one", "two")
    ]
    assert np.array_equal(*held)
    assert held[0].mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / len(UNITS)))


def test_arms_are_independent_of_other_experiments_layers_stages_and_holdouts() -> None:
    units = np.arange(100_000)
    arm = rs.assign(made("one"), units, at=DURING)["variant"].to_numpy() == "a"
    others = {
        "another salt": rs.assign(made("two"), units, at=DURING)["variant"].to_numpy() == "a",
        "the layer": rs.assign(made(layer=Layer("one", end=0.5)), units, at=DURING)["variant"].is_null().to_numpy(),
        "the holdout": rs.assign(made(holdout=Holdout("one", 0.5)), units, at=DURING)["variant"].is_null().to_numpy(),
        "the stage": rs.assign(made("one", ramp=[Stage("2026-06-01", 0.5)]), units, at=DURING)["variant"]
        .is_null()
        .to_numpy(),
    }
    for what, other in others.items():  # a correlation of independent draws has the standard error .0032
        assert abs(np.corrcoef(arm, other)[0, 1]) < 0.011, what


def test_only_targeted_units_come_in() -> None:
    test = made(targeting={"country": ["de", "fr"], "age": {">=": 18}}, unit="account_id")
    attributes = {
        "account_id": [1, 2, 3, 4, None],
        "country": ["de", "fr", "us", None, "de"],
        "age": [20, 17, 30, 50, 9],
    }
    found = rs.assign(test, [1, 2, 3, 4, 5], attributes=pl.DataFrame(attributes), at=DURING)
    assert found["reason"].to_list() == ["assigned", *["not_targeted"] * 4]
    assert found["variant"].null_count() == 4
    with pytest.raises(ArgumentError, match="checkout has a targeting and attributes is None"):
        rs.assign(test, [1], at=DURING)
    with pytest.raises(DataError, match="several rows"):
        rs.assign(test, [1], attributes=pl.DataFrame({"account_id": [1, 1], "country": "de", "age": 20}), at=DURING)


def test_overrides_win_over_everything_and_are_marked() -> None:
    options = {"overrides": {"7": "b", "qa": "a"}, "layer": Layer("home", end=0.0001), "end": "2026-07-01"}
    for at in ("2026-05-01", DURING, "2026-08-01"):
        found = rs.assign(made(**options), UNITS[:10], at=at)
        assert found.row(7) == (7, "b", "override")
        assert "override" not in found["reason"].drop_nulls().to_list()[:7]
    assert rs.assign(made(**options), ["qa"], at=DURING).row(0) == ("qa", "a", "override")


def test_before_the_start_and_after_the_end_nobody_is_in() -> None:
    test = made(end="2026-07-01", targeting={"x": 1})
    attributes = pl.DataFrame({"unit_id": [1], "x": [2]})
    for at, reason in (("2026-05-31", "not_started"), ("2026-07-01", "ended"), (DURING, "not_targeted")):
        assert rs.assign(test, [1], attributes=attributes, at=at).row(0) == (1, None, reason)


def test_without_a_time_it_is_now() -> None:
    assert rs.assign(made(start="1999-01-01", end="1999-02-01"), [1])["reason"].to_list() == ["ended"]
    assert rs.assign(made(start="2999-01-01"), [1])["reason"].to_list() == ["not_started"]


def test_the_method_and_the_numbers_say_the_same() -> None:
    test = made(layer=Layer("home", end=0.5))
    frame = test.assign(UNITS, at=DURING)
    arms, _ = assigned_arms(test, UNITS, at=DURING, n_threads=2)
    names = np.array(["a", "b", None])[arms]
    assert frame["variant"].to_list() == names.tolist()
    assert rs.assign(test, [], at=DURING).shape == (0, 3)


def test_ids_that_are_none_are_refused() -> None:
    with pytest.raises(DataError, match="null"):
        rs.assign(made(), [1, None], at=DURING)  # type: ignore[list-item]
