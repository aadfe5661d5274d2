"""What a replay of learning policies demands, how it paces them, and what its gate says."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError, NotFoundError, RecsysError
from recsys.core.progress import Progress
from recsys.display import to_text
from recsys.models import Popularity
from recsys.ope import (
    BetaThompson,
    GreedyLearner,
    Limits,
    LinearThompson,
    LinUCB,
    LoggedFeedback,
    RefittedRecommender,
    replay_learning,
)
from recsys.ope.learning.checking import acceptance, log_acceptance
from recsys.ope.learning.events import events_of
from tests.unit.ope.learning.worlds import World

LINUCB = LinUCB(["group"], alpha=0.5)


def log(n: int = 2000, seed: int = 3, **columns: Any) -> pl.DataFrame:
    frame = World.of(1.0).logged(np.random.default_rng(seed), n, even=True)
    return frame.with_columns(**{name: pl.Series(values) for name, values in columns.items()})


def accepted(frame: pl.DataFrame, learner: Any = LINUCB, **options: Any) -> int:
    return replay_learning(learner, frame, reward="click", replicates=0, **options).learned[learner.name].accepted


def test_a_result_says_everything_there_is() -> None:
    found = replay_learning([LINUCB, BetaThompson()], log(), reward="click", replicates=20)
    assert found.status == "estimable"
    assert found.policies == ("linucb", "thompson")
    assert found.to_polars()["policy"].to_list() == ["logged", "linucb", "thompson"]
    assert found.curves_to_polars()["policy"].unique().sort().to_list() == ["linucb", "thompson"]
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["learned"]["linucb"]["accepted"] == found["linucb"].effective_n
    difference = found.differences[0]
    assert difference.estimate == pytest.approx(found["linucb"].value - found["logged"].value, abs=1e-12)
    assert difference.pvalue < 0.2
    assert found.view().title.startswith("linucb would have earned")
    assert found.view().title.endswith(".")
    assert [series.name for series in found.view().charts[0].series] == ["linucb", "thompson", "logged"]
    assert "replays of the log drawn anew" in to_text(found.view())
    with pytest.raises(NotFoundError, match="no policy 'x'"):
        found["x"]


def test_the_order_of_the_rows_and_the_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = log(500)
    first = replay_learning(LINUCB, frame, reward="click", replicates=5).to_dict()
    monkeypatch.setenv("RECSYS_THREADS", "1")
    assert replay_learning(LINUCB, frame.sample(fraction=1, shuffle=True, seed=4), reward="click",
                           replicates=5).to_dict() == first  # fmt: skip


def test_rows_without_times_are_not_taken_in_the_order_of_their_rewards() -> None:
    """Without times a log is kept sorted by its columns: rewards of 0 before those of 1 would be met first."""
    found = replay_learning(BetaThompson(), log(4000).drop("ts"), reward="click", replicates=0)
    assert any("drawn with the seed" in note for note in found.notes)
    first = found.curves["thompson"][0]
    assert first.logged == pytest.approx(found.logged.value, abs=0.12)  # ± 3 standard errors of some 200 rows


def test_a_delay_in_events_holds_rewards_back() -> None:
    frame = log(400)
    assert replay_learning(LINUCB, frame, reward="click", replicates=0, delay=30).learned["linucb"].learned == (
        accepted(frame, delay=30) - 30
    )


def test_a_delay_as_long_as_the_log_lets_nothing_be_learned() -> None:
    found = replay_learning(LINUCB, log(2000), reward="click", replicates=0, delay="1d")
    assert found.learned["linucb"].learned == 0
    assert any(reason.startswith("learned: the policy never learned") for reason in found["linucb"].reasons)


def test_batches_and_periods() -> None:
    frame = log(2000)  # one row a second
    whole = replay_learning(LINUCB, frame, reward="click", replicates=0, update_every=50).learned["linucb"]
    assert whole.batches == whole.learned // 50
    periods = replay_learning(LINUCB, frame, reward="click", replicates=0, update_every="10m").learned["linucb"]
    assert periods.batches == 3  # at 10, 20 and 30 minutes; nothing is known at the first event


def test_one_impression_a_request() -> None:
    frame = pl.concat([log(600).with_columns(request_id=pl.int_range(600), position=pl.lit(place)) for place in (1, 2)])
    with pytest.raises(ArgumentError, match="position=1"):
        replay_learning(LINUCB, frame, reward="click")
    found = replay_learning(LINUCB, frame, reward="click", position=2, replicates=0)
    assert found.log.impressions == 600
    with pytest.raises(DataError, match="no rows at position 7"):
        replay_learning(LINUCB, frame, reward="click", position=7)


def test_candidates_are_those_of_the_set() -> None:
    """An item of another set is never chosen: with sets of one item each, all of a deterministic log is accepted."""
    frame = log(300).with_columns(candidate_set=pl.col("item_id").cast(pl.String), propensity_position=pl.lit(1.0))
    found = replay_learning(LINUCB, frame, reward="click", replicates=0)
    assert found.learned["linucb"].accepted == 300
    assert found.status == "not_estimable"  # the logger left nothing to chance


def test_numbers_are_scaled_by_what_came_before() -> None:
    frame = log(2000, age=np.random.default_rng(0).normal(40, 10, 2000)).with_row_index("row")

    def valued(**change: pl.Expr) -> tuple[int, float]:
        found = replay_learning(LinUCB(["age"]), frame.with_columns(**change), reward="click", replicates=0)
        return found.log.impressions, found["linucb"].value

    impressions, value = valued()
    assert impressions == 1800
    assert valued(age=7 * pl.col("age") - 3) == (1800, pytest.approx(value, abs=1e-12))  # a scale of its own
    late = pl.when(pl.col("row") < 1999).then(pl.col("age")).otherwise(1e6)
    assert valued(age=late)[1] == pytest.approx(value, abs=0.01)  # the last event changes none before it
    early = pl.when(pl.col("row") > 3).then(pl.col("age")).otherwise(1e6)
    assert valued(age=early)[1] != value  # it is the first events that tell the scale


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        ({}, {"policies": []}, ArgumentError, "no policy"),
        ({}, {"policies": Popularity()}, ArgumentError, "a policy that does not learn is for rs.replay"),
        ({}, {"policies": [LINUCB, LINUCB]}, ArgumentError, "two policies are called"),
        ({}, {"policies": LinUCB(["groop"])}, NotFoundError, "did you mean 'group'"),
        ({}, {"reward": "clicks"}, NotFoundError, "no column 'clicks'"),
        ({"minutes": np.ones(200)}, {"reward": None}, ArgumentError, "click, minutes"),
        ({"click": np.full(200, 0.5)}, {"policies": BetaThompson()}, DataError, "neither 0 nor 1"),
        ({"age": [None, *[1.0] * 199]}, {"policies": LinUCB(["age"])}, DataError, "null, NaN or infinite"),
        ({"age": [1e308] * 200}, {"policies": LinUCB(["age"])}, DataError, "200 values of age are beyond"),
        ({"age": [[1.0]] * 200}, {"policies": LinUCB(["age"])}, DataError, "age is of the type List"),
        ({}, {"seed": "one"}, ArgumentError, "seed is 'one'"),
        ({}, {"floor": 0.1, "capped": 0.1}, ArgumentError, "both given"),
        ({}, {"horizon": 10}, ArgumentError, "without expand"),
        ({}, {"expand": True, "delay": "1h"}, ArgumentError, "no time"),
        ({}, {"replicates": 1}, ArgumentError, "Two or more"),
        ({}, {"delay": -1}, ArgumentError, "delay"),
        ({}, {"policies": RefittedRecommender(Popularity())}, ArgumentError, "after every event"),
        ({}, {"policies": RefittedRecommender(Popularity()), "update_every": 50}, DataError, "names no users"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    change: dict[str, Any], options: dict[str, Any], error: type[RecsysError], message: str
) -> None:
    asked = {"policies": LINUCB, "reward": "click", **options}
    with pytest.raises(error, match=message):
        replay_learning(asked.pop("policies"), log(200, **change), **asked)


def test_a_log_without_propensities_or_times_is_told_so() -> None:
    with pytest.raises(DataError, match="no propensities"):
        replay_learning(LINUCB, log(200).drop("propensity_position"), reward="click")
    with pytest.raises(ArgumentError, match="no times"):
        replay_learning(LINUCB, log(200).drop("ts"), reward="click", delay="1h")


@pytest.mark.parametrize(("factor", "status"), [(1.0, "estimable"), (2.0, "not_estimable")])
def test_wrong_propensities_are_found_by_the_share_accepted(factor: float, status: str) -> None:
    """Stated for an even logger at twice the truth for some items: their matches come half as often as they should."""
    world, rng = World.of(1.0), np.random.default_rng(8)
    frame = world.logged(rng, 6000, even=False)
    stated = pl.when(pl.col("item_id") == 0).then(pl.col("propensity_position") * factor)
    frame = frame.with_columns(propensity_position=stated.otherwise("propensity_position").clip(upper_bound=1.0))
    found = replay_learning(BetaThompson(), frame, reward="click", replicates=20, floor=0.1)
    check = next(one for one in found.checks if one.name == "acceptance")
    assert (found.status == "estimable") == (check.status == "ok") == (status == "estimable")


def test_a_floor_above_the_least_propensity_is_flagged() -> None:
    frame = World.of(1.0).logged(np.random.default_rng(1), 3000, even=False)
    exact = replay_learning(LINUCB, frame, reward="click", replicates=10)
    capped = replay_learning(LINUCB, frame, reward="click", replicates=10, capped=0.3)
    assert capped.learned["linucb"].accepted > 1.5 * exact.learned["linucb"].accepted
    assert (exact.status, capped.status) == ("estimable", "flagged")
    assert "rarely shown" in capped["linucb"].reasons[0]


def test_a_constant_reward_comes_out_exactly() -> None:
    found = replay_learning(BetaThompson(), log(800, click=np.ones(800)), reward="click", replicates=10)["thompson"]
    assert (found.value, found.ci_low, found.ci_high, found.status) == (1.0, 1.0, 1.0, "flagged")


def test_a_log_of_one_row_is_not_estimable() -> None:
    found = replay_learning(LINUCB, log(1), reward="click", replicates=5)
    assert found.status == "not_estimable"
    assert np.isnan(found["linucb"].value)
    assert found.view().title.startswith("The log cannot tell")


def test_expansions_serve_as_long_as_the_log_and_are_flagged() -> None:
    found = replay_learning(BetaThompson(), log(600), reward="click", expand=True, replicates=10)
    assert found.learned["thompson"].accepted == 600
    assert (found.status, found.differences) == ("flagged", ())


def test_a_policy_that_remembers_single_events_is_caught_in_expansions() -> None:
    """Every event has a context of its own: the item that was logged where it paid, another one where it did not."""
    rng, names = np.random.default_rng(4), [f"x{number}" for number in range(40)]
    frame = pl.DataFrame(
        {
            "item_id": rng.integers(20, size=2000),
            "propensity_position": 0.05,
            "click": (rng.random(2000) < 0.3).astype(int),
            **{name: rng.normal(size=2000) for name in names},
        }
    )
    found = replay_learning(LinUCB(names, alpha=0.1), frame, reward="click", expand=True, replicates=2, jitter=0)
    assert found.status == "not_estimable"
    assert any("remembers events" in reason for reason in found["linucb"].reasons)


def by_user(n: int = 3000) -> pl.DataFrame:
    """Each of sixty users likes one item of four."""
    rng = np.random.default_rng(6)
    users, items = rng.integers(60, size=n), rng.integers(4, size=n)
    return pl.DataFrame(
        {
            "user_id": users,
            "item_id": items,
            "propensity_position": 0.25,
            "click": (rng.random(n) < np.where(items == users % 4, 0.8, 0.1)).astype(int),
            "ts": np.datetime64("2026-06-01", "us") + 60_000_000 * np.arange(n),
        }
    )


@pytest.mark.parametrize("source", ["accepted", "all"])
def test_a_refitted_recommender_learns_what_its_users_like(source: Any) -> None:
    from recsys.models import PureSVD

    learner = RefittedRecommender(PureSVD(factors=3), epsilon=0.2, learn_from=source)
    found = replay_learning(learner, by_user(), reward="click", update_every="6h", replicates=0)
    assert found[learner.name].value > found.logged.value + 0.05
    assert found.learned[learner.name].batches >= 6


def test_before_its_first_fit_a_recommender_shows_any_candidate_alike() -> None:
    learner = RefittedRecommender(Popularity())
    found = replay_learning(learner, by_user(), reward="click", update_every=10**6, replicates=0)
    assert found[learner.name].value == pytest.approx(found.logged.value, abs=0.06)  # ± 3 standard errors of 750
    history = pl.DataFrame({"user_id": [0, 1, 2], "item_id": [0, 0, 0]})
    learner = RefittedRecommender(Popularity(), epsilon=0.0, history=history)
    found = replay_learning(learner, by_user(), reward="click", update_every=10**6, replicates=0)
    rows = by_user().filter(pl.col("item_id") == 0)
    assert found[learner.name].value == pytest.approx(rows["click"].mean(), abs=1e-12)


def test_a_refitted_recommender_is_replayed_seldom_and_its_cost_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: list[Progress] = []
    learner = RefittedRecommender(Popularity())
    found = replay_learning([learner, BetaThompson()], by_user(1200), reward="click", update_every="2h",
                            progress=told.append)  # fmt: skip
    assert [one.interval.split()[0] for one in found.estimates] == ["10", "100"]
    each = "10 replays of the log drawn anew (popularity, refitted), 100 replays of the log drawn anew (thompson)"
    assert each in " ".join(found.view().notes)
    assert any("from 10 replays alone" in note for note in found.notes)
    replays = [step for step in told if step.stage == f"redraw for {learner.name}"]
    assert [(step.done, step.total) for step in replays] == [(done, 10) for done in range(11)]
    first = [step.done for step in told if step.stage == f"replay {learner.name}"]
    assert (first[0], first[-1], len(first) > 30) == (0, 1200, True)
    # 1,200 minutes are ten times two hours and begin in the middle of none
    assert [record.getMessage().partition(";")[0] for record in caplog.records] == [
        "popularity, refitted is fitted up to 110 times: 10 in each of 11 replays"
    ]
    caplog.clear()
    replay_learning(learner, by_user(1200), reward="click", update_every="2h", replicates=0)
    assert not caplog.records


@pytest.mark.parametrize("wrong", [False, True])
def test_a_fault_of_the_log_is_one_for_every_policy(wrong: bool) -> None:
    """An item stated at half its propensity: a policy that never shows it looks fine, and the log is wrong for it."""
    rng, n = np.random.default_rng(2), 8000
    truth = np.array([0.4, 0.2, 0.2, 0.2])
    items = rng.choice(4, size=n, p=truth)
    stated = np.where((items == 0) & wrong, 0.2, truth[items])
    rates = np.array([0.1, 0.4, 0.3, 0.2])
    frame = pl.DataFrame(
        {"item_id": items, "propensity_position": stated, "click": (rng.random(n) < rates[items]).astype(int),
         "user_id": rng.integers(50, size=n)}
    )  # fmt: skip

    def showing(item: int, label: str) -> RefittedRecommender:
        past = pl.DataFrame({"user_id": [0, 1, 2], "item_id": [item] * 3})
        return RefittedRecommender(Popularity(), epsilon=0.0, history=past, label=label)

    away, to = showing(1, "away"), showing(0, "to")
    asked: dict[str, Any] = {"reward": "click", "update_every": 10**6, "replicates": 2}
    alone, both = replay_learning(away, frame, **asked), replay_learning([away, to], frame, **asked)
    assert alone.status != "not_estimable"
    assert [one.status == "not_estimable" for one in both.estimates] == [wrong, wrong]
    if wrong:
        assert both["away"].reasons[0].startswith("acceptance of the log: the share accepted for to is not")
        assert all(np.isnan(one.estimate) for one in both.differences)


@pytest.mark.parametrize("alike", [False, True])
def test_a_right_log_is_rarely_found_wrong_by_the_shares_of_several_policies(alike: bool) -> None:
    """At a level of 5 %, whether policies choose alike or not: at most 5 % of 1,000 logs, and 3 standard errors."""
    events = events_of(LoggedFeedback.from_frame(by_user(400)), position=None, floor=None, capped=0.0, skip=0, seed=0)
    limits, rng = Limits(level=0.05), np.random.default_rng(9)
    by_count = {m: acceptance(m, events, limits) for m in range(401)}
    drawn = rng.binomial(400, 0.25, size=(1000, 3))
    counts = drawn[:, [0, 0, 0]] if alike else drawn
    found = [log_acceptance(dict(enumerate(map(by_count.get, row))), limits)[0].status for row in counts.tolist()]
    assert found.count("fail") <= 50 + 3 * np.sqrt(1000 * 0.05 * 0.95)
    assert found.count("fail") >= 5  # of the exact binomial test at a third of the level: it is not blind


@pytest.mark.parametrize("learner", [LINUCB, LinearThompson(["group"]), BetaThompson(), GreedyLearner()])
def test_feedback_is_taken_as_it_is(learner: Any) -> None:
    frame = log(300)
    feedback = LoggedFeedback.from_frame(frame, reward="click")
    assert (
        replay_learning(learner, feedback, replicates=3).to_dict()
        == replay_learning(learner, frame, reward="click", replicates=3).to_dict()
    )
