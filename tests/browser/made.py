"""A report of each kind, from a small simulated service and an experiment on made-up users."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

import recsys as rs
from recsys.display import Axis, Chart, Rule, Series, Table, View
from recsys.experiment import Count, Experiment, Mean, Proportion
from recsys.ledger import Outcome, Prediction
from recsys.scoring import EpsilonGreedy

CUT = "2026-01-22"
METRICS = ("ndcg@10", "recall@10", "coverage@10")
START = datetime(2026, 6, 1)
SCRIPT, IMAGE = "<script>window.hit=1</script>", "<img src=x onerror=window.hit=1>"


def reports(folder: Path) -> dict[str, Path]:
    """Write a report of each kind into a folder; return them by kind."""
    store = _shop(folder / "shop")
    snapshot = store.snapshot(event="play", until=CUT).snapshot_id
    runs = [store.train(name, snapshot=snapshot, holdout="7d").run.run_id for name in ("popularity", "itemknn")]
    made = {
        "evaluation": store.evaluate(runs[1], METRICS, by=["country"]),
        "comparison": store.compare(runs, METRICS, by=["country"]),
        "backtest": store.backtest({"pop": "popularity", "knn": "itemknn"}, snapshot=snapshot, windows=3, test="4d"),
        "tuning": store.tune(["popularity", "itemknn"], snapshot=snapshot, trials=6, holdout="7d", sampler="random"),
        "replay": store.replay(
            runs, reward="click", explore=EpsilonGreedy(0.3, seed=1), estimator=["snips", "ips"], since=CUT
        ),
    }
    tried = _experiment(folder / "trial")
    _ledger(store)
    found = {kind: rs.report(one, folder / f"{kind}.html") for kind, one in made.items()}
    found["index"] = rs.report(store, folder / "index.html")
    found["description"] = rs.report(store.describe(), folder / "description.html")
    found["experiment"] = tried.report(folder / "experiment.html", experiments=["als-vs-pop"])
    found["ledger"] = store.report(folder / "ledger.html", ledger=True)
    found["hostile"] = rs.report([hostile(), hostile()], folder / "hostile.html", title=SCRIPT + IMAGE)
    return found


def hostile() -> View:
    """Return a view in which every text would do something, if it were not only text."""
    name = SCRIPT + IMAGE
    axes = Axis(name, IMAGE), Axis(name, kind="category")
    values = Series(name, "interval", (1.0, 2.0), (name, 'it\'s "quoted" & <b>bold</b>'), (0.5, 1.0), (2.0, 3.0))
    line = Series(f"</svg>{name}", "line", (1, 2), (3, 4))
    charts = (
        Chart(f"</title></svg>{name}", *axes, (values,), (Rule("x", 0.0, name),), f"</desc>{name}"),
        Chart(name, Axis("x"), Axis("$\\frac{y}$"), (line,)),
    )
    table = Table(("title", name), ((name, 1.0), (f"</td>{name}", 2.0)), name)
    return View(name, (table,), (f"warning: {name}", name), charts)


def _shop(path: Path) -> rs.Store:
    world = rs.simulate(users=300, items=50, days=28, seed=5, start="2026-01-01")
    store = rs.Store(path)
    store.ingest("events", world.events())
    store.ingest("impressions", world.impressions())
    store.ingest("users", world.users())
    store.ingest("items", world.items())
    return store


def _experiment(path: Path) -> rs.Store:
    """Return a store with an analysed experiment: 600 users; those of ``als`` play longer."""
    rng, count = np.random.default_rng(4), 600
    users, arm = np.arange(1, count + 1), rng.permutation(np.arange(count) % 2)
    first = [START + timedelta(hours=int(hour)) for hour in np.sort(rng.integers(0, 14 * 24, count))]
    habit = rng.gamma(4.0, 10.0, count)
    values = np.concatenate([habit, habit * (1 + 0.3 * arm) + rng.gamma(2.0, 2.0, count)])
    times = [at - timedelta(days=2) for at in first] + [at + timedelta(hours=5) for at in first]
    store = rs.Store(path)
    store.ingest(
        "events",
        pl.DataFrame({"user_id": np.tile(users, 2), "item_id": 1, "event": "play", "value": values, "ts": times}),
    )
    rated = pl.DataFrame({"user_id": users, "item_id": 1, "event": "rating", "value": 1.0, "ts": first})
    rated = rated.with_columns(pl.col("ts") + timedelta(hours=6)).filter(pl.Series(rng.random(count) < 0.6))
    store.ingest("events", rated)
    shown = {"experiment": "als-vs-pop", "unit_id": users, "variant": np.where(arm == 1, "als", "pop"), "ts": first}
    store.ingest("exposures", pl.DataFrame(shown))
    goal = Mean("minutes", event="play", window="3d", pre_period="7d")
    guard = Proportion("rated", event="rating", window="3d", role="guardrail", margin=0.5)
    plays = Count("plays", event="play", window="3d", role="diagnostic")
    store.create_experiment(
        Experiment("als-vs-pop", {"pop": 0.5, "als": 0.5}, control="pop", start=START, planned_units=400,
                   metrics=[goal, guard, plays])
    )  # fmt: skip
    store.analyze("als-vs-pop", through="2026-06-15")
    return store


def _ledger(store: rs.Store) -> None:
    rng = np.random.default_rng(1)
    for at in range(8):
        truth = float(rng.normal(0.02, 0.03))
        pair = {"candidate": f"model {at}", "baseline": "pop", "quantity": "clicks", "per": "request"}
        said, found = (truth + float(rng.normal(0, 0.01)) for _ in range(2))
        of_said, of_found = ({"estimate": one, "ci_low": one - 0.02, "ci_high": one + 0.02} for one in (said, found))
        store.record_prediction(Prediction(source="snips", scale="absolute", **of_said, **pair))
        store.record_outcome(Outcome(experiment=f"test {at}", scale="absolute", **of_found, **pair))
