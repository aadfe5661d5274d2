"""The search finds what is there, the same whatever the jobs, and survives what is broken."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError
from recsys.core.progress import Progress
from recsys.core.threads import thread_count
from recsys.dataset import Dataset, random_split, temporal_split
from recsys.evaluation import Trial, Tuning, evaluate, searching, tune
from recsys.evaluation.rungs import make_rungs
from recsys.evaluation.searching import BATCH
from recsys.evaluation.tuning_result import Look
from recsys.metrics import parse_metric
from recsys.models import ALS, BPR, Choice, Integer, LogisticMF, Popularity, Real
from recsys.models.base import Recommender
from recsys.models.spaces import Dimension

DAY = 86_400_000_000
SAMPLERS = ("random", "tpe")


def log(n_users: int = 1000, n_items: int = 120, n_events: int = 9000, seed: int = 3, days: int = 50) -> Dataset:
    """Two tastes; some items are far more popular than others."""
    rng = np.random.default_rng(seed)
    users = rng.integers(0, n_users, n_events)
    items = (rng.random(n_events) ** 2 * (n_items // 2)).astype(int) * 2 + users % 2
    times = pl.from_epoch(pl.Series(rng.integers(0, days * 86_400, n_events)), time_unit="s")
    return Dataset.from_frame(pl.DataFrame({"user_id": users, "item_id": items, "ts": times}))


@pytest.fixture(scope="module")
def data() -> Dataset:
    return log()


class Blend(Recommender):
    """The more of `truth` the better its lists: popularity with noise that 1 − truth weighs."""

    name: ClassVar[str] = "blend"
    search_space: ClassVar[Mapping[str, Dimension]] = {"truth": Real(0, 1), "idle": Integer(1, 5)}
    fits: ClassVar[list[tuple[float, int]]] = []

    def __init__(self, truth: float = 0.5, idle: int = 1, seed: int | None = 0) -> None:
        self.truth, self.idle, self.seed = truth, idle, seed

    def check_params(self) -> None:
        if not 0 <= self.truth <= 1:
            raise ArgumentError(f"truth is {self.truth}")

    def _fit(self, data: Dataset, matrix: Any, *, validation: Any, progress: Any) -> None:
        self.fits.append((self.truth, int((data.user_events > 0).sum())))
        noise = np.random.default_rng(self.seed).random(data.n_items) * data.item_events.max()
        self.scores_ = (self.truth * data.item_events + (1 - self.truth) * noise).astype(np.float32)

    def _score_block(self, block: Any) -> Any:
        return np.tile(self.scores_, (len(block.codes), 1))


@pytest.fixture(autouse=True)
def _no_fits() -> None:
    Blend.fits.clear()


def plain(found: Tuning) -> list[dict[str, Any]]:
    """Everything of the trials but the time they took."""
    return [{**trial.to_dict(), "seconds": None} for trial in found.trials]


# ---- what is found


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_best_setting_is_found(data: Dataset, sampler: Any) -> None:
    found = tune(Blend(), data, trials=18, sampler=sampler, rung_users=None, metric="ndcg@5")
    assert found.best.value == max(trial.value for trial in found.trials)
    assert found.best_params["truth"] > 0.8
    assert found.trials[0].chosen == {}
    assert found.trials[0].params == Blend().params
    assert found.best.value > found.trials[0].value
    assert [trial.number for trial in found.trials] == list(range(18))
    assert isinstance(found.best_model(), Blend)


def test_tpe_looks_closer_to_the_best_than_chance_does(data: Dataset) -> None:
    def late(sampler: Any, seed: int) -> list[float]:
        found = tune(Blend(), data, trials=30, sampler=sampler, rung_users=None, seed=seed)
        return [trial.params["truth"] for trial in found.trials[12:]]

    by_chance, by_tpe = (np.mean([late(sampler, seed) for seed in range(4)]) for sampler in SAMPLERS)
    assert by_chance < 0.6  # 72 uniform draws: mean 0.5, standard error 0.034
    assert by_tpe > 0.65


def test_lower_is_better_where_the_metric_says_so(data: Dataset) -> None:
    found = tune(Blend(), data, trials=12, metric="gini@5", sampler="random", rung_users=None)
    assert found.best.value == min(trial.value for trial in found.trials)


@pytest.mark.parametrize("model", [ALS(factors=8, iterations=6), BPR(factors=8), LogisticMF(factors=8), Popularity()])
def test_the_settings_give_the_number_again(data: Dataset, model: Recommender) -> None:
    fixed = {name: value for name, value in model.params.items() if name == "factors"}
    found = tune(model, data, trials=4, sampler="random", space=fixed, validation="10d", seed=5)
    train, held = temporal_split(data, "10d")
    for trial in found.trials:
        again = type(model)(**trial.params).fit(train)
        assert evaluate(again, held, ["ndcg@10"])["ndcg@10"] == trial.value
        if model.learns_in_epochs:
            assert trial.params["iterations"] == trial.looks[-1].epochs <= model.params["iterations"]


def test_iterations_in_the_space_are_taken_as_they_are(data: Dataset) -> None:
    found = tune(ALS(factors=4), data, trials=3, sampler="random", space={"iterations": [2, 3], "factors": 4})
    assert {trial.params["iterations"] for trial in found.trials} <= {2, 3}
    assert all(trial.looks[-1].epochs is None for trial in found.trials)


def test_several_models_take_turns_and_their_spaces_are_told_apart(data: Dataset) -> None:
    models = {"itemknn": None, "als": {"factors": [4, 6]}, "popularity": {}}
    found = tune(models, data, trials=9, sampler="random", space={"itemknn.neighbors": [5, 7], "iterations": 2})
    assert [trial.model for trial in found.trials] == ["itemknn", "als", "popularity"] * 3
    assert found.trials[1].chosen == {"factors": 6, "iterations": 2}  # as it came, where the space allows that
    assert {trial.params.get("neighbors") for trial in found.trials[3:]} <= {5, 7, None}
    assert found.spaces["als"]["factors"] == "4,6"


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_small_space_is_tried_once_and_then_it_is_over(data: Dataset, sampler: Any) -> None:
    found = tune("popularity", data, trials=20, sampler=sampler)
    assert sorted(str(trial.params["half_life"]) for trial in found.trials) == ["30d", "365d", "7d", "90d", "None"]
    assert found.warnings == ("5 of 20 trials were made: there were no other settings",)


# ---- the same whatever the jobs


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_trials_do_not_depend_on_the_jobs(data: Dataset, sampler: Any) -> None:
    options: dict[str, Any] = {"trials": 14, "seed": 7, "sampler": sampler, "rung_users": 120, "metric": "recall@5"}
    models = [ALS(iterations=3), "itemknn", Blend()]
    space = {"factors": "4..16:log"}
    one, three = (tune(models, data, jobs=jobs, space=space, **options) for jobs in (1, 3))
    assert plain(one) == plain(three)
    assert one.best.number == three.best.number
    other = tune(models, data, space=space, **{**options, "seed": 8})
    assert plain(other) != plain(one)


def test_each_job_has_its_share_of_the_threads(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    from threadpoolctl import ThreadpoolController

    seen = []

    class Threads(Blend):
        def _fit(self, data: Dataset, matrix: Any, **others: Any) -> None:
            blas = {one["num_threads"] for one in ThreadpoolController().info() if one["user_api"] == "blas"}
            seen.append((thread_count(), blas))
            super()._fit(data, matrix, **others)

    monkeypatch.setenv("RECSYS_THREADS", "4")
    tune(Threads(), data, trials=3, sampler="random", jobs=2, rung_users=None)
    tune(Threads(), data, trials=3, sampler="random", jobs=5, rung_users=None)
    assert seen == [(2, {1})] * 3 + [(1, {1})] * 3


# ---- pruning


def test_pruned_trials_are_never_trained_on_everything(data: Dataset) -> None:
    found = tune(Blend(), data, trials=15, sampler="random", rung_users=200, jobs=2)
    active = int((temporal_split(data, 0.2).train.user_events > 0).sum())
    sizes = [active // 3, active]
    for trial in found.trials:
        assert [look.users for look in trial.looks] == (sizes if trial.status == "finished" else sizes[:1])
        trained = [users for truth, users in Blend.fits if truth == trial.params["truth"]]
        assert trained == [look.users for look in trial.looks]
    assert sum(trial.status == "pruned" for trial in found.trials) >= 6


def test_the_best_third_of_all_that_looked_goes_on_and_the_model_as_it_came(data: Dataset) -> None:
    found = tune(Blend(), data, trials=15, sampler="random", rung_users=200)
    first = [trial.looks[0].value for trial in found.trials]
    expected = [True]
    for start in range(0, 15, BATCH):
        stop = min(start + BATCH, 15)
        bar = sorted(first[:stop], reverse=True)[-(-stop // 3) - 1]
        expected += [value >= bar for value in first[max(start, 1) : stop]]
    assert [trial.status == "finished" for trial in found.trials] == expected


def test_rungs_are_nested_and_measure_enough_users(data: Dataset) -> None:
    split = temporal_split(data, 0.2)
    rungs = make_rungs(
        split, parse_metric("ndcg@5"), rung_users=1, seed=2, confidence=0.95, options={"on_cold": "fallback"}
    )
    users = [set(np.flatnonzero(rung.train.user_events)) for rung in rungs]
    assert [len(one) for one in users] == [rung.users for rung in rungs]
    assert all(small < large for small, large in pairwise(users))
    assert all(rung.plan.population.counts.users >= 100 for rung in rungs[:-1])
    assert rungs[-1].train is split.train
    assert set(np.flatnonzero(rungs[0].validation.user_events)) <= users[0]


# ---- going on


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("left", [1, 4, 7, 11])
def test_what_was_interrupted_goes_on_as_if_it_had_not_been(data: Dataset, sampler: Any, left: int) -> None:
    options: dict[str, Any] = {"trials": 13, "seed": 1, "sampler": sampler, "rung_users": 120}
    whole = tune(Blend(), data, **options)
    told: list[Trial] = []

    def kill(trial: Trial) -> None:
        if len(told) == left:
            raise KeyboardInterrupt
        told.append(trial)

    with pytest.raises(KeyboardInterrupt):
        tune(Blend(), data, jobs=2, on_trial=kill, **options)
    kept = [Trial.from_dict(json.loads(json.dumps(trial.to_dict()))) for trial in told]
    Blend.fits.clear()
    new: list[Trial] = []
    again = tune(Blend(), data, known=kept, on_trial=new.append, **options)
    assert plain(again) == plain(whole)
    assert sorted([trial.number for trial in kept + new]) == list(range(13))
    assert not {fit[0] for fit in Blend.fits} & {trial.params["truth"] for trial in kept}


def test_a_sequence_that_would_be_another_is_refused(data: Dataset) -> None:
    found = tune(Blend(), data, trials=3, sampler="random", seed=1)
    with pytest.raises(DataError, match="The same sequence of trials"):
        tune(Blend(), data, trials=3, sampler="random", seed=2, known=found.trials)


# ---- what is broken


class Fragile(Blend):
    def _fit(self, data: Dataset, matrix: Any, **others: Any) -> None:
        if self.truth < 0.6:
            raise ZeroDivisionError("no truth in it")
        super()._fit(data, matrix, **others)


def test_a_broken_trial_is_told_and_the_search_goes_on(data: Dataset) -> None:
    found = tune(Fragile(), data, trials=12, sampler="random", rung_users=200)
    failed = [trial for trial in found.trials if trial.status == "failed"]
    assert {trial.params["truth"] < 0.6 for trial in failed} == {True}
    assert failed[0].error == "ZeroDivisionError: no truth in it"
    assert np.isnan(failed[0].value)
    assert found.best_params["truth"] >= 0.6
    assert "no truth in it" in repr(found)
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_nan_is_a_failure(data: Dataset, sampler: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = searching.take_look

    def look(model: Any, *args: Any, **options: Any) -> Look:
        found = real(model, *args, **options)
        return Look(found.users, float("nan")) if model.truth > 0.7 else found

    monkeypatch.setattr(searching, "take_look", look)
    found = tune(Blend(), data, trials=14, sampler=sampler)
    assert {trial.status == "failed" for trial in found.trials if trial.params["truth"] > 0.7} == {True}
    assert next(trial for trial in found.trials if trial.status == "failed").error == "ndcg@10 is nan"
    assert found.best_params["truth"] <= 0.7


def test_a_search_in_which_everything_breaks_says_why(data: Dataset) -> None:
    with pytest.raises(DataError, match="none of 3 trials was finished: ZeroDivisionError: no truth in it"):
        tune(Fragile(), data, trials=3, sampler="random", space={"truth": [0.1, 0.2, 0.3]})


# ---- time and interruption


class Endless(Blend):
    def _fit(self, data: Dataset, matrix: Any, *, validation: Any, progress: Any) -> None:
        while self.truth != 0.5:
            progress(Progress("endless", 1))
            time.sleep(0.01)
        super()._fit(data, matrix, validation=validation, progress=progress)


def test_when_the_time_is_up_what_is_over_counts(data: Dataset) -> None:
    found = tune(Endless(), data, trials=8, sampler="random", timeout="1s", jobs=2)
    assert [trial.number for trial in found.trials] == [0]
    assert found.warnings == ("1 of 8 trials were made: the time was up",)
    assert threading.active_count() < 20


def test_an_interruption_ends_the_trainings_under_way(data: Dataset) -> None:
    def interrupt(_: Trial) -> None:
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        tune(Endless(), data, trials=8, sampler="random", on_trial=interrupt, jobs=2)
    assert threading.active_count() == before


# ---- the validation part


def test_the_validation_lies_inside_what_was_given(data: Dataset) -> None:
    train, test = temporal_split(data, "10d")
    told = tune("popularity", train, validation="10d").validation
    cut = temporal_split(train, "10d").cut
    assert cut is not None
    assert f"{np.datetime64(cut, 'us').astype('datetime64[m]')}".replace("T", " ") in told
    assert f"{int((train.times >= cut).sum()):,} events" in told  # type: ignore[operator]
    assert len(test)


def test_a_log_without_times_is_validated_on_random_pairs_and_says_so() -> None:
    rng = np.random.default_rng(1)
    bare = Dataset.from_frame({"user_id": rng.integers(0, 50, 900), "item_id": rng.integers(0, 30, 900)})
    found = tune(["popularity", "itemknn"], bare, trials=4, sampler="random")
    assert found.validation.startswith("random pairs (")
    assert "how well the past predicts the future" in " ".join(found.warnings)
    assert {trial.status for trial in found.trials} == {"finished"}
    with pytest.raises(ArgumentError, match="no times"):
        tune("popularity", bare, validation="3d")


def test_a_split_of_ones_own_is_taken(data: Dataset) -> None:
    split = random_split(data, 0.1, seed=4)
    found = tune("popularity", data, validation=split)
    assert found.validation == f"random pairs ({len(split.test):,} events)"
    leaking = split.__class__(data, split.test, kind="random")
    with pytest.raises(DataError, match="test pairs are in the training"):
        tune("popularity", data, validation=leaking)


# ---- optuna


def test_without_optuna_settings_come_by_chance(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tune(Blend(), data, trials=2).sampler.startswith("tpe (optuna ")
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert tune(Blend(), data, trials=2).sampler == "random"
    with pytest.raises(ArgumentError, match=r"recsys\[tune\]"):
        tune(Blend(), data, trials=2, sampler="tpe")


def test_optuna_is_loaded_only_where_it_is_wanted_and_stays_silent() -> None:
    code = """
import sys, numpy as np
from recsys.dataset import Dataset
from recsys.evaluation import tune
rng = np.random.default_rng(1)
data = Dataset.from_frame({"user_id": rng.integers(0, 50, 900), "item_id": rng.integers(0, 30, 900)})
tune("itemknn", data, trials=8, sampler="random")
assert "optuna" not in sys.modules
tune("itemknn", data, trials=8, sampler="tpe")
assert "optuna" in sys.modules
"""
    ran = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


# ---- what is shown and refused


def test_the_result_is_plain_and_shows_the_best_first(data: Dataset) -> None:
    found = tune([Blend(), "popularity"], data, trials=10, sampler="random", rung_users=200)
    frame = found.to_polars()
    assert frame["number"].to_list() == list(range(10))
    best = frame.filter(pl.col("status") == "finished").sort("value", descending=True).row(0, named=True)
    assert (best["number"], best["value"]) == (found.best.number, found.best.value)
    assert best["ci_low"] < best["value"] < best["ci_high"]
    assert frame.filter(pl.col("status") == "pruned")["ci_low"].null_count() == 10 - frame["ci_low"].count()
    rows = found.view().tables[0].rows
    assert rows[0][:2] == (found.best.number, found.best.model)
    assert "a little too good" in repr(found)
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["best"]["params"] == found.best_params
    assert [Trial.from_dict(one).to_dict() for one in told["trials"]] == told["trials"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"models": "asl"}, "did you mean 'als'"),
        ({"models": []}, "models is []"),
        ({"models": ["als", ALS()]}, "distinct models"),
        ({"models": [3]}, "a model is a int"),
        ({"trials": 0}, "trials is 0"),
        ({"jobs": 0}, "jobs is 0"),
        ({"rung_users": 0}, "rung_users is 0"),
        ({"metric": "ndgc@10"}, "ndcg"),
        ({"metric": "novelty@10"}, "more or less is better"),
        ({"validation": 1.5}, "validation is 1.5"),
        ({"validation": "soon"}, "validation is 'soon'"),
        ({"timeout": "soon"}, "timeout is 'soon'"),
        ({"sampler": "grid"}, "sampler is 'grid'"),
        ({"space": {"factor": 3}}, "did you mean 'factors'"),
        ({"space": {"asl.factors": 3}}, "did you mean 'als'"),
        ({"space": {"als.neighbors": 3}}, "als has no parameter 'neighbors'"),
        ({"models": ["als", "bpr"], "space": {"neighbors": 3}}, "als and bpr have no parameter 'neighbors'"),
        ({"space": {"factors": "0..9"}}, "factors is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_mistakes_are_named_before_anything_is_done(data: Dataset, options: dict[str, Any], message: str) -> None:
    models = options.pop("models", "als")
    with pytest.raises(ArgumentError) as caught:
        tune(models, data, **options)
    assert message.lower() in str(caught.value).lower()


def test_choices_of_every_kind_reach_the_model(data: Dataset) -> None:
    found = tune("itemknn", data, trials=8, sampler="tpe", space={"weighting": Choice(("cosine", "bm25"))})
    assert {trial.params["weighting"] for trial in found.trials} == {"cosine", "bm25"}
    assert all(BATCH >= 1 and trial.status == "finished" for trial in found.trials)


def test_what_may_not_be_shown_does_not_count(data: Dataset) -> None:
    from recsys.scoring import Eligibility

    free = tune("popularity", data, trials=1)
    top = np.argsort(-data.item_events)[:20]
    denied = Eligibility().deny(data.items.decode(top.astype(np.int32)))
    bound = tune("popularity", data, trials=1, eligibility=denied)
    assert 0 < bound.best.value < free.best.value / 2
    assert tune("popularity", data, trials=1, exclude_seen=False).best.value != free.best.value
