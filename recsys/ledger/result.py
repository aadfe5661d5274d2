"""`ledger` and the `Ledger` it returns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from recsys.core.checks import finite_float
from recsys.display import Interval, Percent, Table, Tabular, View, Viewable, counted, number_text
from recsys.ledger.charts import ledger_charts
from recsys.ledger.entries import Estimand, Outcome, Prediction
from recsys.ledger.scores import FEW, Matched, Score, score
from recsys.stats import SignTest

_NEXT = "next: recsys experiment decide NAME --predicted-by RUN, of a comparison or a replay of the arms of a test"


@dataclass(frozen=True, eq=False, repr=False)
class Ledger(Viewable, Tabular):
    """Predictions beside outcomes, and how well each source of predictions did.

    Parameters
    ----------
    predictions, outcomes : tuple
        All that were given.
    matched : tuple of (Prediction, Outcome)
        Those of the same pair: of several equal ones the last.
    scores : tuple of Score
        One for each source and estimand against each metric of the A/B tests, in the order of the names.
    late : int
        Predictions made after the test of their pair was over; they are left out.
    confidence : float
        Of the intervals.
    """

    predictions: tuple[Prediction, ...]
    outcomes: tuple[Outcome, ...]
    matched: tuple[Matched, ...]
    scores: tuple[Score, ...]
    late: int
    confidence: float

    def best(self, quantity: str) -> Score | None:
        """Return the source with the highest rank correlation with the effects on a metric of the A/B tests, if any."""
        known = [one for one in self.scores if one.measured.quantity == quantity and one.correlation.status == "ok"]
        return max(known, key=lambda one: one.correlation.estimate, default=None)

    @property
    def conclusion(self) -> str:
        """Say in plain words what predicted best, and whether that can be told yet."""
        if not self.matched:
            return (
                f"{counted(len(self.predictions), 'prediction')} and {counted(len(self.outcomes), 'outcome')}, "
                "none of the same pair yet."
            )
        quantities = dict.fromkeys(one.measured.quantity for one in self.scores)
        return " ".join(self._said(quantity) for quantity in quantities)

    @property
    def notes(self) -> tuple[str, ...]:
        """Conventions and warnings."""
        notes = [
            f"intervals: {100 * self.confidence:g} %; shares: Clopper–Pearson; slope: York, errors in both, profile "
            "likelihood; rank correlation: Spearman, Bonett–Wright; errors of pairs are taken to be independent, which "
            "pairs with a common baseline, log or test are not quite",
        ]
        if any(not one.alike for one in self.scores):
            notes.append(
                "slope and coverage are refused where the prediction and the test are not estimates of the same thing"
            )
        if any(one.n < FEW for one in self.scores):
            notes.append(f"fewer than {FEW} pairs: too few to choose a metric by")
        missing = sum(one.without_interval for one in self.scores)
        if missing:
            notes.append(f"{counted(missing, 'match')} without an interval: not in slope and coverage")
        if self.late:
            notes.append(f"{counted(self.late, 'prediction')} made after the test was over: left out")
        return tuple(notes)

    def to_polars(self) -> pl.DataFrame:
        """Return one row for each match: pair, source, both estimands, both estimates with their intervals."""
        return pl.DataFrame([_match_row(*one) for one in self.matched], schema=_MATCH)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, fit for JSON."""
        return {
            "conclusion": self.conclusion,
            "confidence": self.confidence,
            "scores": [one.row() for one in self.scores],
            "matched": [{"prediction": said.to_dict(), "outcome": found.to_dict()} for said, found in self.matched],
            "predictions": [one.to_dict() for one in self.predictions],
            "outcomes": [one.to_dict() for one in self.outcomes],
            "late": self.late,
            "notes": list(self.notes),
        }

    def view(self) -> View:
        """Return what a reader should see: what predicted best, the scores, the pairs."""
        tables = (self._score_table(), self._match_table()) if self.matched else ()
        return View(self.conclusion, tables, self.notes if self.matched else (_NEXT,), ledger_charts(self))

    def _said(self, quantity: str) -> str:
        found = self.best(quantity)
        if found is None:
            pairs = max(one.n for one in self.scores if one.measured.quantity == quantity)
            return f"Too little to say what predicts {quantity} best ({counted(pairs, 'pair')})."
        rho = found.correlation
        bounds = f"[{number_text(rho.ci_low)}, {number_text(rho.ci_high)}], {counted(found.n, 'pair')}"
        if not rho.ci_low > 0:
            return (
                f"Nothing is shown to predict the effects on {quantity}: {found.source} comes nearest, with the rank"
                f" correlation {number_text(rho.estimate)} {bounds}{'; few pairs' if found.n < FEW else ''}."
            )
        told = (
            f"{found.source} predicted the effects on {quantity} best: rank correlation {number_text(rho.estimate)} "
            f"{bounds}"
        )
        others = [one for one in self.scores if one.measured == found.measured and one is not found]
        level = [one.source for one in others if not one.correlation.ci_high < rho.ci_low]
        doubt = f"; not told apart from {', '.join(dict.fromkeys(level))}" if level else ""
        return f"{told}{doubt}{'; few pairs' if found.n < FEW else ''}."

    def _score_table(self) -> Table:
        rows = tuple(
            (
                one.source,
                one.measured.quantity,
                one.n,
                *_share(one.agreement),
                one.calibration.slope,
                Interval(one.calibration.ci_low, one.calibration.ci_high) if one.alike else "unlike estimands",
                *_share(one.consistent),
                one.correlation.estimate,
                Interval(one.correlation.ci_low, one.correlation.ci_high),
            )
            for one in self.scores
        )
        columns = (
            "predicted by", "effect on", "pairs", "same sign", "", "slope", "", "consistent", "", "rank corr.", ""
        )  # fmt: skip
        caption = f"with {100 * self.confidence:g} % intervals; slope 1 and {100 * self.confidence:g} % are right"
        return Table(columns, rows, caption)

    def _match_table(self) -> Table:
        rows = tuple(
            (
                f"{said.candidate} − {said.baseline}",
                said.source,
                str(said.estimand),
                *_effect(said),
                found.experiment,
                str(found.estimand),
                *_effect(found),
            )
            for said, found in self.matched
        )
        return Table(("pair", "predicted by", "of", "predicted", "", "experiment", "of", "measured", ""), rows)


def ledger(predictions: Iterable[Prediction], outcomes: Iterable[Outcome], *, confidence: float = 0.95) -> Ledger:
    """Set predictions beside the outcomes of the same pair of policies, and score each source of predictions.

    Parameters
    ----------
    predictions : iterable of Prediction
        Of several with the same pair, source and estimand the last counts (by `at`, else as given).
    outcomes : iterable of Outcome
        Of several with the same experiment, pair and estimand likewise.
    confidence : float
        Of the intervals.

    Raises
    ------
    ArgumentError
        The confidence is not between 0 and 1.

    Examples
    --------
    >>> shared = dict(candidate="als", baseline="pop", quantity="clicks", per="request", scale="relative")
    >>> said = Prediction(source="snips", estimate=0.04, ci_low=0.01, ci_high=0.07, **shared)
    >>> found = Outcome(experiment="ab", estimate=0.03, ci_low=0.02, ci_high=0.04, **shared)
    >>> ledger([said], [found]).scores[0].agreement.wins
    1
    """
    finite_float("confidence", confidence, above=0, below=1)
    given, over = tuple(predictions), tuple(outcomes)
    effects = _last(over, lambda one: (one.experiment, one.pair, one.estimand))
    matched: dict[tuple[Any, ...], Matched] = {}
    late: set[Prediction] = set()
    for said in sorted(given, key=_when):
        for found in effects:
            if not _speaks_of(said, found, effects):
                continue
            if said.at is not None and found.at is not None and said.at > found.at:
                late.add(said)
                continue
            matched[said.source, said.estimand, found.estimand, said.pair, found.experiment] = said, found
    groups: dict[tuple[str, Estimand, Estimand], list[Matched]] = {}
    for key in sorted(matched):
        groups.setdefault(key[:3], []).append(matched[key])
    scores = tuple(score(group, confidence) for group in groups.values())
    return Ledger(given, over, tuple(matched[key] for key in sorted(matched)), scores, len(late), confidence)


def _speaks_of(said: Prediction, found: Outcome, effects: list[Outcome]) -> bool:
    """Return whether a prediction is of this outcome: the same pair, and of two scales the one that was predicted."""
    if said.pair != found.pair or said.experiment not in (None, found.experiment):
        return False
    if said.scale == found.scale:
        return True
    wanted = (found.experiment, found.pair, found.estimand._replace(scale=said.scale))
    return all((one.experiment, one.pair, one.estimand) != wanted for one in effects)


def _last(entries: tuple[Outcome, ...], key: Any) -> list[Outcome]:
    return list({key(one): one for one in sorted(entries, key=_when)}.values())


def _when(one: Prediction | Outcome) -> datetime:
    return one.at or datetime.min


def _share(test: SignTest) -> tuple[Percent, Interval]:
    return Percent(test.share), Interval(test.ci_low, test.ci_high, percent=True)


def _effect(one: Prediction | Outcome) -> tuple[Percent | float, Interval]:
    relative = one.scale == "relative"
    interval = Interval(one.ci_low, one.ci_high, percent=relative)
    return (Percent(one.estimate, signed=True) if relative else one.estimate), interval


_MATCH: dict[str, type[pl.DataType]] = {
    **dict.fromkeys(("candidate", "baseline", "source", "predicted", "experiment", "measured"), pl.String),
    **dict.fromkeys(("estimate", "ci_low", "ci_high", "effect", "effect_ci_low", "effect_ci_high"), pl.Float64),
}


def _match_row(said: Prediction, found: Outcome) -> dict[str, Any]:
    bounds = {"estimate": said.estimate, "ci_low": said.ci_low, "ci_high": said.ci_high}
    effect = {"effect": found.estimate, "effect_ci_low": found.ci_low, "effect_ci_high": found.ci_high}
    named = {"source": said.source, "predicted": str(said.estimand), "experiment": found.experiment}
    return {
        "candidate": said.candidate, "baseline": said.baseline, **named, "measured": str(found.estimand), **bounds,
        **effect,
    }  # fmt: skip
