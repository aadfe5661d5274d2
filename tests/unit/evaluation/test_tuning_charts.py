"""The charts and the title of a search show its own trials."""

import pytest

from recsys.evaluation.tuning_result import Look, Trial, Tuning
from recsys.metrics import parse_metric

VALUES = [0.10, 0.08, None, 0.12, 0.12, 0.11]


def trial(number, value, **changes):
    look = () if value is None else (Look(100, value, value - 0.01, value + 0.01, 50),)
    status = "failed" if value is None else "finished"
    chosen = {"factors": 8 * (number + 1), "regularization": 10.0**-number, "weighting": "ab"[number % 2]}
    fields = {"chosen": chosen, "params": chosen, "status": status, "looks": look, "seconds": 1.0 + number}
    return Trial(number, "als", **(fields | changes))


def tuning(trials, metric="ndcg@10"):
    trials = tuple(trials)
    return Tuning(trials, parse_metric(metric), {}, {}, "random", 0, "the newest fifth", len(trials))


@pytest.fixture
def found():
    return tuning(trial(number, value) for number, value in enumerate(VALUES))


def test_the_best_so_far_rises_where_a_trial_was_better(found):
    chart = found.view().charts[0]
    best, points = chart.series
    assert (best.mark, best.x, best.y) == ("step", (0, 3, 5), (0.10, 0.12, 0.12))
    assert dict(zip(points.x, points.y, strict=True)) == {n: v for n, v in enumerate(VALUES) if v is not None}
    assert "Stopped early or failed, so not drawn: 1 trial." in chart.note
    assert (chart.x.text(), chart.y.text()) == ("trial (number)", "ndcg@10 (0 to 1, on the validation part)")


def test_lower_is_better_falls():
    found = tuning([trial(0, 0.9), trial(1, 0.7), trial(2, 0.8)], "gini@10")
    assert found.view().charts[0].series[0].y == (0.9, 0.7, 0.7)


def test_cost_and_each_parameter_that_varied(found):
    cost, factors, regularization, weighting = found.view().charts[1:]
    assert dict(zip(cost.series[0].x, cost.series[0].y, strict=True))[4.0] == 0.12
    assert cost.x.text() == "training and measuring (wall-clock seconds)"
    assert (factors.x.kind, regularization.x.kind, weighting.x.kind) == ("linear", "log", "category")
    others, best = factors.series
    assert (best.x, best.y) == ((32,), (0.12,))
    assert dict(zip(others.x, others.y, strict=True)) == {8: 0.10, 16: 0.08, 40: 0.12, 48: 0.11}
    assert set(weighting.series[0].x) == {"a", "b"}


def test_the_title_names_the_best_setting(found):
    assert found.view().title == (
        "als with factors=32 regularization=0.001 weighting=b did best of 5 finished trials: "
        "ndcg@10 0.1200 [0.1100, 0.1300] on the newest fifth."
    )
    assert found.view().notes[0] == "6 trials (5 finished, 1 failed), ndcg@10 on the newest fifth"


def test_without_a_finished_trial_the_title_says_so():
    view = tuning([trial(0, None)]).view()
    assert (view.title, view.charts) == ("None of 1 trial was finished.", ())


def test_many_trials_stay_small():
    found = tuning(
        [trial(number, 0.1 + 0.0001 * number, chosen={f"p{k}": number + k for k in range(9)}) for number in range(400)]
    )
    charts = found.view().charts
    assert "The 60 best of 400 finished trials are drawn." in charts[0].note
    assert "p4, p5, p6, p7, p8: in the result's trials." in charts[2].note
    assert sum(len(series.x) for chart in charts for series in chart.series) <= 500


def test_trials_have_their_intervals_and_the_axis_holds_them(found):
    progress, cost, factors = found.view().charts[:3]
    for series in (progress.series[1], cost.series[0], *factors.series):
        assert series.mark == "interval"
        assert series.low == pytest.approx([value - 0.01 for value in series.y])
        assert series.high == pytest.approx([value + 0.01 for value in series.y])
    assert "Whiskers: the 95 % interval of each trial over the users measured." in progress.note


def test_trials_within_the_interval_of_the_best_are_not_told_apart(found):
    assert any(
        note.startswith("2 of 4 other finished trials lie within the 95 % interval") for note in found.view().notes
    )
    apart = tuning([trial(0, 0.1), trial(1, 0.2)])
    assert not any("told apart" in note or "tell them apart" in note for note in apart.view().notes)


def test_without_intervals_trials_are_points():
    found = tuning([trial(0, 0.9, looks=(Look(100, 0.9),)), trial(1, 0.7, looks=(Look(100, 0.7),))])
    charts = found.view().charts
    assert {series.mark for chart in charts for series in chart.series} == {"step", "point"}
    assert "Whiskers" not in charts[0].note
