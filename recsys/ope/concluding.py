"""The sentence that stands first in a replay: what may be concluded, or why the log cannot answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from recsys.display import Interval, cell_text, number_text
from recsys.ope.results import Estimate

if TYPE_CHECKING:
    from recsys.ope.replay_result import Replay, ReplayDifference


def conclude(replay: Replay) -> str:
    """Return the conclusion on the first reward, by the first estimator: one sentence, with its full stop."""
    return f"{_told(replay).rstrip('.')}."


def _told(replay: Replay) -> str:
    first = replay.estimates[0]
    asked = [one for one in replay.estimates if (one.reward, one.estimator) == (first.reward, first.estimator)]
    told = [one for one in asked if one.status != "not_estimable"]
    silent = [one for one in asked if one.status == "not_estimable"]
    if not told:
        names = " or ".join(one.policy for one in silent)
        return f"The log cannot say what {names} would have earned: {reasons_of(silent)}"
    differences = {
        one.policy: one
        for one in replay.differences
        if (one.reward, one.estimator) == (first.reward, first.estimator)
    }  # fmt: skip
    parts = [_valued(one, differences.get(one.policy)) for one in told]
    sentence = "; ".join(parts)
    if silent:
        sentence += f"; of {' and '.join(one.policy for one in silent)} the log cannot tell: {reasons_of(silent)}"
    return sentence


def adjusted(correction: str) -> str:
    """Return what was done to the p-values, in words.

    Examples
    --------
    >>> adjusted("holm"), adjusted("none")
    ('adjusted by Holm', 'not adjusted')
    """
    return "not adjusted" if correction == "none" else f"adjusted by {correction.title()}"


def reasons_of(silent: Sequence[Estimate]) -> str:
    """Return why policies are not estimable: one reason if they share it, else each policy's own, without numbers."""
    if len({_why(one) for one in silent}) == 1:
        return _why(silent[0])
    short: dict[str, list[str]] = {}
    for one in silent:
        short.setdefault(_why(one).partition(" (")[0].rstrip("."), []).append(one.policy)
    if len(short) == 1:
        return next(iter(short))
    return "; ".join(f"{' and '.join(names)}, {reason}" for reason, names in short.items())


def _why(one: Estimate) -> str:
    """Return the first reason, without the name of its check."""
    reason = one.reasons[0] if one.reasons else "no estimate could be made"
    check, _, rest = reason.partition(": ")
    return rest if rest and " " not in check else reason


def _valued(one: Estimate, difference: ReplayDifference | None) -> str:
    earned = f"{one.policy} would have earned {number_text(one.value)} {one.reward} per {one.estimand}"
    interval = f" {cell_text(Interval(one.ci_low, one.ci_high))}" if math.isfinite(one.ci_low) else ""
    doubt = f" (flagged: {_why(one)})" if one.status == "flagged" else ""
    return f"{earned}{interval}{_compared(difference)}{doubt}"


def _compared(difference: ReplayDifference | None) -> str:
    if difference is None:
        return ""
    if difference.status == "not_estimable":
        return f", which cannot be held against {difference.baseline}"
    alpha = 1 - difference.confidence
    base = f"{difference.baseline} ({number_text(difference.baseline_value)})"
    if not difference.adjusted_pvalue < alpha:
        return f", not shown to differ from {base}"
    share = difference.estimate / abs(difference.baseline_value) if difference.baseline_value else math.nan
    more = f"{100 * abs(share):.3g} % " if math.isfinite(share) else ""
    return f", {more}{'above' if difference.estimate > 0 else 'below'} {base}"
