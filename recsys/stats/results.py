"""What the functions of this room return: plain tuples with names."""

from __future__ import annotations

from typing import Literal, NamedTuple

Status = Literal["ok", "empty_arm", "too_few", "zero_variance", "zero_denominator", "unbounded", "burn_in"]
"""``ok``, or why a number is missing (NaN): an arm without units, fewer than two units, values that do not vary, a
denominator of exactly 0, (for a ratio) a denominator so uncertain that no finite interval exists, or (for a look) too
early to say anything."""


class Interval(NamedTuple):
    """An estimate with its confidence interval.

    Attributes
    ----------
    estimate : float
        The value itself.
    ci_low, ci_high : float
        NaN when the status is not ``ok``.
    standard_error : float
        Of the estimate.
    n : int
        Units.
    confidence : float
        Of the intervals: 0.95 is 95 %.
    method : str
        How it was made, in words.
    status : Status
        ``ok``, or why a number is missing.
    """

    estimate: float
    ci_low: float
    ci_high: float
    standard_error: float
    n: int
    confidence: float
    method: str
    status: Status = "ok"


class TwoSample(NamedTuple):
    """Two independent arms compared.

    Attributes
    ----------
    estimate : float
        Treatment minus control; relative effects are that over the absolute value of the control.
    ci_low, ci_high : float
        NaN without an interval; infinite when the status is ``unbounded``.
    standard_error : float
        Of the estimate; of a relative effect by the delta method.
    pvalue : float
        Two-sided, of no difference; NaN without a test.
    statistic : float
        t or z of the difference.
    df : float
        Degrees of freedom; infinite for z.
    treatment, control : float
        What is compared: the mean, share, ratio or quantile of each arm.
    n_treatment, n_control : int
        Units that entered.
    confidence : float
        Of the intervals: 0.95 is 95 %.
    method : str
        How it was made, in words.
    status : Status
        ``ok``, or why a number is missing.
    left_out : int
        Units of strata in which an arm has fewer than two units: nothing can be said of those strata.
    """

    estimate: float
    ci_low: float
    ci_high: float
    standard_error: float
    pvalue: float
    statistic: float
    df: float
    treatment: float
    control: float
    n_treatment: int
    n_control: int
    confidence: float
    method: str
    status: Status = "ok"
    left_out: int = 0


class Adjusted(NamedTuple):
    """An effect adjusted for covariates, beside the unadjusted one.

    Attributes
    ----------
    effect : TwoSample
        After adjustment.
    unadjusted : TwoSample
        Before it.
    theta : tuple of float
        Coefficient of each covariate; 0 for one that does not vary.
    variance_reduction : float
        1 − variance of the difference with adjustment over that without; NaN when it cannot be told.
    """

    effect: TwoSample
    unadjusted: TwoSample
    theta: tuple[float, ...]
    variance_reduction: float


class PairedResult(NamedTuple):
    """A paired test with the estimate that belongs to it.

    Attributes
    ----------
    estimate : float
        Treatment minus control: the mean difference, or the Hodges–Lehmann pseudo-median.
    ci_low, ci_high : float
        NaN when the status is not ``ok``.
    pvalue : float
        Two-sided; NaN when the status is not ``ok``.
    statistic : float
        Of the test.
    effect_size : float
        Cohen's d_z for the t test, the rank-biserial correlation for the signed-rank test.
    n : int
        Pairs.
    n_zero : int
        Pairs without a difference.
    confidence : float
        Of the intervals: 0.95 is 95 %.
    method : str
        How it was made, in words.
    status : Status
        ``ok``, or why a number is missing.
    """

    estimate: float
    ci_low: float
    ci_high: float
    pvalue: float
    statistic: float
    effect_size: float
    n: int
    n_zero: int
    confidence: float
    method: str
    status: Status = "ok"


class PermutationResult(NamedTuple):
    """A randomisation test.

    Attributes
    ----------
    estimate : float
        Mean difference, treatment minus control.
    pvalue : float
        Two-sided, (b + 1) / (m + 1): never 0, valid for any m.
    n : int
        Pairs.
    n_zero : int
        Pairs without a difference.
    resamples : int
        m.
    as_extreme : int
        b, the resamples with a mean at least as far from 0.
    method : str
        How it was made, in words.
    status : Status
        ``ok``, or why a number is missing.
    """

    estimate: float
    pvalue: float
    n: int
    n_zero: int
    resamples: int
    as_extreme: int
    method: str
    status: Status = "ok"


class WinTieLoss(NamedTuple):
    """On how many units the treatment does better, the same, worse.

    Attributes
    ----------
    wins, ties, losses : int
        Units on which the treatment did better, the same, worse.
    """

    wins: int
    ties: int
    losses: int


class Interaction(NamedTuple):
    """A test of whether the mean difference is the same in all segments.

    Attributes
    ----------
    statistic : float
        Welch's F.
    df_between, df_within : float
        Degrees of freedom of F.
    pvalue : float
        NaN when the status is not ``ok``.
    n : int
        Units that entered.
    segments : tuple of str
        Segments that entered.
    left_out : tuple of str
        Segments with fewer than two units, or with differences that do not vary.
    method : str
        How it was made, in words.
    status : Status
        ``ok``, or why a number is missing.
    """

    statistic: float
    df_between: float
    df_within: float
    pvalue: float
    n: int
    segments: tuple[str, ...]
    left_out: tuple[str, ...]
    method: str
    status: Status = "ok"
