"""The charts of a `Replay`: estimates beside what was logged, differences, effective sizes, weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recsys.display import Axis, Chart, Estimated, Rule, Series, counted, drawn, forest
from recsys.ope.concluding import adjusted
from recsys.ope.diagnostics import WeightBin

if TYPE_CHECKING:
    from recsys.ope.replay_result import Replay, ReplayDifference
    from recsys.ope.results import Estimate

MOST_REWARDS = 2
MOST_HISTOGRAMS = 4


def replay_charts(replay: Replay) -> tuple[Chart, ...]:
    """Return the charts of a replay; of at most two rewards."""
    rewards = [one.reward for one in replay.logged][:MOST_REWARDS]
    return drawn(
        *(_estimates(replay, reward) for reward in rewards),
        *(_differences(replay, reward) for reward in rewards),
        _sizes(replay),
        _weights(replay),
    )


def _estimates(replay: Replay, reward: str) -> Chart | None:
    logged = next(one for one in replay.logged if one.reward == reward)
    rows = [one for one in (logged, *replay.estimates) if one.reward == reward]
    return forest(
        f"{reward} that policies would have earned",
        Axis(reward, f"per {logged.estimand}"),
        Axis("policy and estimator"),
        [_row(_label(one), one.value, one) for one in rows],
        rules=(Rule("x", logged.value, "logged"),) if logged.value == logged.value else (),
        note="The line is what the log itself earned. A flagged estimate stands on shaky ground: the checks say why.",
    )


def _differences(replay: Replay, reward: str) -> Chart | None:
    rows = [one for one in replay.differences if one.reward == reward]
    return forest(
        f"Difference in {reward}, policy − {replay.baseline}",
        Axis(f"difference in {reward}", f"per {rows[0].estimand}" if rows else ""),
        Axis("policy and estimator"),
        [_row(_label(one), one.estimate, one) for one in rows],
        rules=(Rule("x", 0.0, "no difference"),),
        note="Paired on the same rows. Right of the line the policy earns more. An interval is for its row alone; "
        f"p-values are {adjusted(replay.correction)}.",
    )


def _sizes(replay: Replay) -> Chart | None:
    """Draw one bar a policy and estimator whose weights differ from those of the policy's other estimators."""
    first = replay.estimates[0].reward
    found: dict[tuple[str, float], Estimate] = {}
    for one in replay.estimates:
        if one.reward == first and one.n > 0 and one.effective_n == one.effective_n:
            found.setdefault((one.policy, one.effective_n), one)
    shown = list(found.values())[:24]
    if not shown:
        return None
    hidden = len(found) - len(shown)
    return Chart(
        "Effective sample size: how much of the log speaks for a policy",
        Axis("effective sample size, of all rows", percent=True),
        Axis("policy and estimator", kind="category"),
        (
            Series(
                "effective sample size",
                "bar",
                tuple(one.effective_n / one.n for one in shown),
                tuple(_label(one) for one in shown),
            ),
        ),
        note="(Σw)² / Σw²: with few per cent a handful of rows carries the estimate."
        + (f" {counted(hidden, 'further row')} in the tables." if hidden else ""),
    )


def _weights(replay: Replay) -> Chart | None:
    shown = [(name, bins) for name, bins in replay.histograms.items() if any(one.rows for one in bins)]
    if not shown:
        return None
    drawn_ones = shown[:MOST_HISTOGRAMS]
    used = [place for place in range(1, len(shown[0][1])) if any(bins[place].rows for _, bins in drawn_ones)]
    places = range(used[0], used[-1] + 1) if used else range(0)
    if not places:
        return None
    none = ", ".join(f"{name} {100 * bins[0].share:.1f} %" for name, bins in drawn_ones)
    others = ", ".join(name for name, _ in shown[MOST_HISTOGRAMS:])
    return Chart(
        "Weights of the logged rows that a policy would show too",
        Axis("weight: how much more often the policy shows it than the log did", "times", "category"),
        Axis("rows of the log", percent=True),
        tuple(
            Series(name, "bar", tuple(_bin(bins[at]) for at in places), tuple(bins[at].share for at in places))
            for name, bins in drawn_ones
        ),
        note="Bins grow like a log axis; a few rows of large weight decide an estimate. "
        f"Rows of weight 0, which say nothing of a policy, are not drawn: {none}."
        + (f" Policies not drawn: {others}." if others else ""),
    )


def _bin(one: WeightBin) -> str:
    """Return the name of a bin.

    Examples
    --------
    >>> _bin(WeightBin(0.5, 1.0, 3, 0.1, 0.2)), _bin(WeightBin(100.0, float("inf"), 0, 0.0, 0.0))
    ('to 1', 'above 100')
    """
    return f"above {one.low:g}" if one.high == float("inf") else f"to {one.high:g}"


def _label(one: Estimate | ReplayDifference) -> str:
    doubt = "" if one.status == "estimable" else f" ({one.status.replace('_', ' ')})"
    return f"{one.policy}: {one.estimator}{doubt}" if one.policy != one.estimator else f"{one.policy}{doubt}"


def _row(label: str, value: float, one: Estimate | ReplayDifference) -> Estimated:
    known = one.status != "not_estimable"
    level = f"estimate with {100 * one.confidence:g} % interval"
    return Estimated(label, value if known else None, one.ci_low, one.ci_high, level)
