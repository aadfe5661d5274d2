"""The Bayesian view of an effect."""

from __future__ import annotations

from math import inf, nan

import numpy as np

from recsys import stats
from recsys.experiment.comparing import compare_arms
from recsys.experiment.outcomes import Outcome


def belief(
    outcome: Outcome, arm: int, confidence: float, *, prior_mean: float = 0.0, prior_deviation: float = inf
) -> stats.BayesResult:
    """Return the posterior of the difference, with probability and losses turned to what is better for the metric.

    Parameters
    ----------
    outcome : Outcome
    arm : int
    confidence : float
    prior_mean, prior_deviation : float
        Of the difference; a flat prior when the deviation is infinite.

    Raises
    ------
    ArgumentError
        For a prior deviation that is not above 0.
    """
    if (
        outcome.metric.form == "proportion"
        and not outcome.covariates
        and outcome.n_stages == 1
        and prior_deviation == inf
    ):
        successes = [int(outcome.samples(place)[:, 0].sum()) for place in (arm, 0)]
        sizes = [int(np.count_nonzero(outcome.used & (outcome.table.arm == place))) for place in (arm, 0)]
        found = stats.bayesian_proportions(successes[0], sizes[0], successes[1], sizes[1], confidence=confidence)
    else:
        effect = compare_arms(outcome, arm, confidence).absolute
        usable = effect.status == "ok"
        found = stats.bayesian_effect(
            float(effect.estimate), float(effect.standard_error) if usable else nan, prior_mean=prior_mean,
            prior_deviation=prior_deviation, confidence=confidence,
        )  # fmt: skip
        found = found if usable else found._replace(status=effect.status)
    if outcome.metric.direction == "increase":
        return found
    return found._replace(
        probability_to_beat=1 - found.probability_to_beat,
        loss_treatment=found.loss_control,
        loss_control=found.loss_treatment,
    )
