"""Whether an effect differs between segments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.core.errors import ArgumentError
from recsys.stats._samples import is_constant, largest, sample
from recsys.stats.results import Interaction


def segment_interaction(differences: ArrayLike, segments: Sequence[object] | NDArray[np.generic]) -> Interaction:
    """Return Welch's test (1951) that the mean paired difference is the same in all segments.

    With weights w = n_g / s_g² it is Cochran's Q over (groups − 1), corrected for small segments and referred to an F
    distribution; variances may differ between segments.

    Parameters
    ----------
    differences : (n,) array_like
        Treatment minus control of each unit, finite.
    segments : (n,) sequence
        The segment of each unit.

    Raises
    ------
    ArgumentError
        For NaN or infinite differences, or a segment missing.

    Examples
    --------
    >>> found = segment_interaction([1.0, 2.0, 3.0, 7.0, 8.0, 9.5], ["a", "a", "a", "b", "b", "b"])
    >>> found.segments, found.pvalue < 0.01
    (('a', 'b'), True)
    """
    values = sample("differences", differences)
    labels = np.array([str(segment) for segment in segments])
    if len(labels) != len(values):
        raise ArgumentError(f"there are {len(labels)} segments for {len(values)} differences", "one each was expected")
    scale, groups, left_out = largest(values), {}, []
    for name in np.unique(labels).tolist():
        group = values[labels == name]
        if len(group) < 2 or is_constant(group, scale):
            left_out.append(name)
        else:
            groups[name] = group
    n, names, method = sum(map(len, groups.values())), tuple(groups), "Welch's heteroscedastic F"
    if len(groups) < 2:
        return Interaction(np.nan, np.nan, np.nan, np.nan, n, names, tuple(left_out), method, "too_few")
    sizes = np.array([len(group) for group in groups.values()], np.float64)
    means = np.array([group.mean() for group in groups.values()])
    weights = sizes / np.array([group.var(ddof=1) for group in groups.values()])
    f, df_between, df_within = _welch(sizes, means, weights)
    from scipy.special import fdtrc

    return Interaction(
        f, df_between, df_within, float(fdtrc(df_between, df_within, f)), n, names, tuple(left_out), method
    )


def _welch(
    sizes: NDArray[np.float64], means: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[float, float, float]:
    k, share = len(sizes), weights / weights.sum()
    q = float((weights * (means - share @ means) ** 2).sum())
    lack = float(((1 - share) ** 2 / (sizes - 1)).sum())
    return q / (k - 1) / (1 + 2 * (k - 2) / (k * k - 1) * lack), float(k - 1), (k * k - 1) / (3 * lack)
