"""`validate` on a store: the default span, what is recorded, and the command line."""

from __future__ import annotations

import json

import pytest

from recsys.cli import main
from recsys.core.errors import DataError
from recsys.experiment import Experiment, Frames, Mean, validate
from recsys.simulation import simulate
from recsys.store import Store


@pytest.fixture(scope="module")
def events():
    return simulate(users=400, items=50, days=60, seed=5, impressions=False).events()


@pytest.fixture(scope="module")
def store(events, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("shop") / "shop")
    store.ingest("events", events)
    return store


TEST = Experiment(
    "trial", {"a": 0.5, "b": 0.5}, control="a", start="2026-02-20",
    metrics=[Mean("minutes", event="play", window="7d", pre_period="14d")],
)  # fmt: skip


def test_the_default_span_ends_before_anybody_is_treated(store, events):
    run, found = store.validate(TEST, splits=50, seed=2)
    wanted = validate(
        TEST, Frames(events=events), since="2026-01-16", until="2026-02-13", through="2026-02-20", splits=50, seed=2
    )
    assert found.to_dict() == wanted.to_dict()
    kept = store.run(run.run_id)
    assert kept.recipe["asked_for"] == "validate"
    assert kept.recipe["until"] == "2026-02-13 00:00:00"
    assert kept.metrics["minutes plain false positives"] == found.rows[0].false_positives


def test_the_command_line(store, tmp_path, capsys):
    path = tmp_path / "trial.toml"
    path.write_text(
        'name = "trial"\ncontrol = "a"\nstart = 2026-02-20\n[arms]\na = 0.5\nb = 0.5\n'
        '[[metrics]]\ntype = "mean"\nname = "minutes"\nevent = "play"\nwindow = "7d"\npre_period = "14d"\n'
    )
    words = ["experiment", "validate", str(path), "--splits", "50", "--store", str(store.path)]
    assert main(words) == 0
    assert "50 random re-splits" in capsys.readouterr().out
    assert main([*words, "--json", "--exclude", "2026-02-01/2026-02-02", "--fail-on", "false-alarms"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain["data"]["rows"][0]["metric"] == "minutes"
    assert main([*words, "--exclude", "2026-02-01"]) == 2
    assert main([*words, "--fail-on", "x"]) == 2


def test_a_store_without_events_says_so(tmp_path):
    with pytest.raises(DataError):
        Store(tmp_path / "empty").validate(TEST)
