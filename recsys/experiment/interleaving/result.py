"""`analyze_interleaving`: which of two rankers users prefer, how sure that is, and how many users it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import positive_int
from recsys.core.jsonable import fit_for_json
from recsys.core.seeds import generator
from recsys.display import Interval as ShownInterval
from recsys.display import PValue, Table, Tabular, View, Viewable, counted
from recsys.experiment.charts.preferences import preference_charts
from recsys.experiment.interleaving.credit import Clicks, credit
from recsys.experiment.interleaving.merging import Interleaving
from recsys.experiment.interleaving.power import interleaving_sample_size
from recsys.stats import Interval, PairedResult, SignTest, mean_interval, paired_t, sign_test

_CELLS = 4_000_000  # counts drawn in one array by the bootstrap


@dataclass(frozen=True, eq=False, repr=False)
class InterleavingResult(Viewable, Tabular):
    """Which ranker users prefer.

    Attributes
    ----------
    method : str
        How it was made, in words.
    names : (str, str)
        The first is the control; a positive preference is for the second.
    users : int
        Users with an interleaved list.
    clicks : Clicks
        How the rows of clicks were used.
    per_user : DataFrame
        One row a user with credit: user_id, credit_a, credit_b, preference = (b − a) / (b + a).
    preference : PairedResult
        Mean over the users with credit of their own preference, in [−1, 1], with its t interval and test: one number a
        user, so that clicks of one user need not be independent.
    bootstrap : Interval
        The same mean with a percentile bootstrap interval over users.
    pooled : Interval
        (B − A) / (B + A) of all credit; heavy users count more. Delta method over users.
    signs : SignTest
        Users who prefer the second against users who prefer the first.
    confidence : float
        Of the intervals: 0.95 is 95 %.
    warnings : tuple of str
        What a reader must know.
    """

    method: str
    names: tuple[str, str]
    users: int
    clicks: Clicks
    per_user: pl.DataFrame
    preference: PairedResult
    bootstrap: Interval
    pooled: Interval
    signs: SignTest
    confidence: float
    warnings: tuple[str, ...] = ()

    @property
    def active(self) -> float:
        """Share of the users with a list who gave any credit."""
        return len(self.per_user) / self.users if self.users else float("nan")

    @property
    def spread(self) -> float:
        """Standard deviation of the users' preferences; NaN for fewer than two users."""
        values = self.per_user["preference"].to_numpy()
        return float(values.std(ddof=1)) if len(values) > 1 else float("nan")

    def users_needed(self, preference: float, *, power: float = 0.8, alpha: float = 0.05) -> int:
        """Return how many users must get a list to find such a preference, going by this spread and activity.

        Parameters
        ----------
        preference : float
            The true mean preference to find, −1 to 1.
        power : float
            Probability of finding it.
        alpha : float
            Two-sided level of the test.

        Raises
        ------
        ArgumentError
            The preference is 0, or nobody was active here.
        """
        return interleaving_sample_size(preference, spread=self.spread, active=self.active, power=power, alpha=alpha)

    @property
    def summary(self) -> str:
        """One sentence."""
        a, b = self.names
        found, level = self.preference, f"{100 * self.confidence:g} %"
        if found.status != "ok":
            signs = self.signs
            if signs.status == "ok":
                return f"{signs.wins:,} users prefer {b}, {signs.losses:,} prefer {a} (sign test)"
            return f"no credit for {a} or {b}: nothing can be said"
        interval = f"{found.estimate:+.3f} ({level} interval {found.ci_low:+.3f} to {found.ci_high:+.3f})"
        if found.ci_low > 0 or found.ci_high < 0:
            return f"users prefer {b if found.estimate > 0 else a}: preference {interval}"
        return f"no preference between {a} and {b} is shown: {interval}"

    def to_polars(self) -> pl.DataFrame:
        """Return one row an estimate: estimand, estimate, ci_low, ci_high, pvalue, n, method, status."""
        return pl.DataFrame(
            self._estimates(),
            schema={
                "estimand": pl.String,
                "estimate": pl.Float64,
                "ci_low": pl.Float64,
                "ci_high": pl.Float64,
                "pvalue": pl.Float64,
                "n": pl.Int64,
                "method": pl.String,
                "status": pl.String,
            },
        ).with_columns(pl.col("estimate", "ci_low", "ci_high", "pvalue").fill_nan(None))

    @fit_for_json
    def to_dict(self) -> dict[str, Any]:
        """Return plain values, fit for JSON."""
        return {
            "summary": self.summary,
            "method": self.method,
            "names": list(self.names),
            "users": self.users,
            "users_with_credit": len(self.per_user),
            "credit": dict(zip(self.names, self._totals(), strict=True)),
            "clicks": self.clicks._asdict(),
            "estimates": self.to_polars().to_dicts(),
            "signs": {"wins": self.signs.wins, "ties": self.signs.ties, "losses": self.signs.losses},
            "confidence": self.confidence,
            "warnings": list(self.warnings),
        }

    def view(self) -> View:
        """Return the conclusion, the estimates, who clicked and what was left out."""
        rows = tuple(
            (row["estimand"], row["estimate"], ShownInterval(row["ci_low"], row["ci_high"]), PValue(row["pvalue"]))
            for row in self._estimates()
        )
        a, b = self._totals()
        signs, level = self.signs, f"{100 * self.confidence:g} % interval"
        credit = Table(
            ("ranker", "credit", "users who prefer it"),
            ((self.names[0], a, signs.losses), (self.names[1], b, signs.wins), ("neither", None, signs.ties)),
            f"{counted(len(self.per_user), 'user')} of {self.users:,} gave credit ({self.method})",
        )
        table = Table((f"{self.names[1]} − {self.names[0]}", "estimate", level, "p"), rows)
        return View(
            self.summary, (table, credit), (*_click_notes(self.clicks), *self.warnings), preference_charts(self)
        )

    def _totals(self) -> tuple[float, float]:
        return float(self.per_user["credit_a"].sum()), float(self.per_user["credit_b"].sum())

    def _estimates(self) -> list[dict[str, Any]]:
        signs, nan = self.signs, float("nan")
        rows: list[tuple[str, float, float, float, float, int, str, str]] = [
            ("preference", *self.preference[:4], self.preference.n, "t over users", self.preference.status),
            (
                "preference, resampled",
                *self.bootstrap[:3],
                nan,
                self.bootstrap.n,
                self.bootstrap.method,
                self.bootstrap.status,
            ),
            ("of all credit", *self.pooled[:3], nan, self.pooled.n, self.pooled.method, self.pooled.status),
            (
                "of the users who prefer one",
                2 * signs.share - 1,
                2 * signs.ci_low - 1,
                2 * signs.ci_high - 1,
                signs.pvalue,
                signs.wins + signs.losses,
                "sign test",
                signs.status,
            ),
        ]
        names = ("estimand", "estimate", "ci_low", "ci_high", "pvalue", "n", "method", "status")
        return [dict(zip(names, row, strict=True)) for row in rows]


def analyze_interleaving(
    lists: object,
    clicks: object,
    *,
    value: str | None = None,
    names: tuple[str, str] | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> InterleavingResult:
    """Return which ranker users prefer, from clicks on interleaved lists.

    A preference is no lift: every user weighs the same, and items are compared, not lists. Rankers that are about
    equal for most users and differ for a few heavy ones can change sides; `pooled` weighs by credit.

    Parameters
    ----------
    lists : Interleaving or frame
        As `interleave` made it, or its `to_polars` kept in a file.
    clicks : frame
        Columns user_id and item_id; request_id where a user saw the list several times. Clicks on what was not shown
        are counted and left out.
    value : str, optional
        A column that counts instead of 1, such as minutes watched.
    names : (str, str), optional
        Of the rankers; by default those of the lists, or a and b.
    confidence : float
        Of the intervals: 0.95 is 95 %.
    resamples : int
        Of the bootstrap.
    seed : int
        Of the bootstrap.

    Raises
    ------
    DataError
        The lists or clicks cannot be used: a column is missing, types of ids differ, the lists repeat an item.

    Examples
    --------
    >>> from recsys.experiment import interleave
    >>> a = {"user_id": [1, 1, 2, 2], "item_id": [10, 20, 10, 20], "rank": [1, 2, 1, 2]}
    >>> b = {"user_id": [1, 1, 2, 2], "item_id": [30, 40, 30, 40], "rank": [1, 2, 1, 2]}
    >>> found = analyze_interleaving(
    ...     interleave(a, b, k=2, names=("pop", "als")), {"user_id": [1, 2], "item_id": [30, 99]})
    >>> found.per_user.rows(), found.clicks.not_shown
    ([(1, 0.0, 1.0, 1.0)], 1)
    """
    earned = credit(lists, clicks, value=value)
    if names is None:
        names = lists.names if isinstance(lists, Interleaving) else ("a", "b")
    a, b = (earned.per_user[f"credit_{side}"].to_numpy() for side in "ab")
    preference = (b - a) / (b + a)
    wins, losses = int((b > a).sum()), int((b < a).sum())
    found = paired_t(preference, np.zeros(len(preference)), confidence=confidence)
    return InterleavingResult(
        method=earned.method,
        names=names,
        users=earned.users,
        clicks=earned.clicks,
        per_user=earned.per_user.with_columns(preference=pl.Series(preference, dtype=pl.Float64)),
        preference=found,
        bootstrap=_bootstrap(preference, found, resamples, seed),
        pooled=_pooled(a, b, found),
        signs=sign_test(wins, losses, len(a) - wins - losses, confidence=confidence),
        confidence=found.confidence,
        warnings=_warnings(earned.clicks, len(a)),
    )


def _bootstrap(preference: NDArray[np.float64], found: PairedResult, resamples: int, seed: int) -> Interval:
    """Return the mean preference with its percentile bootstrap interval over users.

    Users of one value are alike, so a resample is a multinomial draw of how often each value occurs.
    """
    rng, resamples, n = generator(seed), positive_int("resamples", resamples, minimum=2), found.n
    confidence, method = found.confidence, "percentile bootstrap"
    if found.status != "ok":
        return Interval(found.estimate, np.nan, np.nan, np.nan, n, confidence, method, found.status)
    values, counts = np.unique(preference, return_counts=True)
    means = np.empty(resamples)
    step = max(1, _CELLS // len(values))
    for start in range(0, resamples, step):
        drawn = rng.multinomial(n, counts / n, size=min(step, resamples - start))
        means[start : start + len(drawn)] = (drawn * values).sum(axis=1) / n
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(
        found.estimate, float(low), float(high), float(means.std(ddof=1)), n, confidence, method, found.status
    )


def _pooled(a: NDArray[np.float64], b: NDArray[np.float64], found: PairedResult) -> Interval:
    """Return (B − A) / (B + A) of sums over users, by the delta method for a ratio of means."""
    n, method = len(a), "delta method over users"
    total = float((a + b).sum())
    if not n:
        return Interval(np.nan, np.nan, np.nan, np.nan, n, found.confidence, method, "too_few")
    ratio = float((b - a).sum()) / total
    linear = mean_interval(ratio + ((b - a) - ratio * (a + b)) * n / total, confidence=found.confidence)
    return linear._replace(estimate=ratio, method=method)


def _warnings(clicks: Clicks, n: int) -> tuple[str, ...]:
    """Return what a reader must know before the numbers."""
    told = []
    if clicks.rows and not (clicks.counted or clicks.shared):
        told.append("no click fits the lists: are these the clicks of the users who saw them?")
    elif clicks.not_shown > clicks.counted:
        told.append("most clicks of these users are on items that were not shown to them")
    if 0 < n < 30:
        told.append(f"{counted(n, 'user')} gave credit: trust the sign test, not the t interval")
    return tuple(told)


def _click_notes(clicks: Clicks) -> tuple[str, ...]:
    """Return which rows of clicks gave no credit, one sentence each."""
    counts = (
        (clicks.not_shown, "clicks on items that were not shown left out"),
        (clicks.without_list, "clicks of users without a list left out"),
        (clicks.shared, "clicks on items that both brought say nothing"),
        (clicks.nobodys, "clicks on nobody's items left out"),
        (clicks.repeated, "repeated clicks counted once"),
        (clicks.without_value, "clicks without a usable value left out"),
    )
    return tuple(f"{count:,} {text}" for count, text in counts if count)
