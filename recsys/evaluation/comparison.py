"""`Comparison`: which model is better, by how much, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from recsys.core.checks import did_you_mean
from recsys.core.errors import NotFoundError
from recsys.display import (
    Cell,
    Chart,
    Interval,
    Marked,
    Percent,
    PValue,
    Table,
    Tabular,
    View,
    Viewable,
    cell_text,
    counted,
)
from recsys.evaluation.comparison_charts import comparison_charts, told_pairs
from recsys.evaluation.conclusions import conclude, honest
from recsys.evaluation.evaluation import Evaluation, notes_of
from recsys.evaluation.pairing import CatalogueDifference, Difference
from recsys.evaluation.ranking import best_first, primary_metric
from recsys.evaluation.segments import WARMTH
from recsys.metrics import MetricSpec, parse_metric

LETTERS = "abcdefghijklmnopqrstuvwxyz"
_COLUMNS: dict[str, type[pl.DataType]] = {  # those of `Difference` that are no floats
    **dict.fromkeys(("metric", "model", "baseline", "status"), pl.String),
    **dict.fromkeys(("n", "wins", "ties", "losses"), pl.Int64),
    "significant": pl.Boolean,
}


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Viewable, Tabular):
    """Models on one population. ``comparison["als"]["ndcg@10"]`` is the mean of a model.

    Parameters
    ----------
    evaluations : mapping of name to Evaluation
        All on the same users.
    baseline : str or None
        What the others are compared with; None: every model with every one ranked below it.
    tests : tuple of str
        The tests made; the first one decides.
    alpha : float
        The level of the whole family of tests; intervals cover 1 − alpha each.
    differences : tuple of Difference
        User metrics × pairs.
    catalogue : tuple of CatalogueDifference
        Catalogue metrics × pairs, never in the paired tests.
    segments : polars.DataFrame
        metric, model, baseline, by, level, n, mean, baseline_mean, difference, ci_low, ci_high, pvalue (not adjusted).
    interactions : polars.DataFrame
        metric, model, baseline, by, n, statistic, pvalue_unadjusted, pvalue (Holm): does the difference differ between
        segments?
    train_seconds : mapping of name to float
        Wall-clock seconds of the training runs, of the models of which they are known: for the chart alone, since equal
        comparisons have equal `to_dict`.
    """

    evaluations: Mapping[str, Evaluation]
    baseline: str | None
    tests: tuple[str, ...]
    alpha: float
    differences: tuple[Difference, ...]
    catalogue: tuple[CatalogueDifference, ...]
    segments: pl.DataFrame
    interactions: pl.DataFrame
    train_seconds: Mapping[str, float] = field(default_factory=dict)

    def __getitem__(self, model: str) -> Evaluation:
        """Return the evaluation of a model, or raise NotFoundError."""
        if model not in self.evaluations:
            names = list(self.evaluations)
            raise NotFoundError(
                f"{model!r} was not compared", f"one of {', '.join(names)} was expected", did_you_mean(model, names)
            )
        return self.evaluations[model]

    @property
    def metrics(self) -> tuple[MetricSpec, ...]:
        """The metrics, in the order asked for."""
        return next(iter(self.evaluations.values())).metrics

    @property
    def primary(self) -> MetricSpec:
        """The metric that orders the models: the first user metric where more is better, else the first one."""
        return primary_metric(self.metrics)

    @property
    def ranking(self) -> tuple[str, ...]:
        """The names of the models, highest first by the primary metric."""
        return ranked(self.evaluations)

    @property
    def conclusion(self) -> str:
        """Say in plain words how the models differ on the primary metric, by how much and how surely."""
        said = conclude(self.ranking, self.primary.name, self.differences, self.baseline, self.alpha)
        return honest(said, self.warnings)

    @property
    def conventions(self) -> tuple[str, ...]:
        """What was estimated and how."""
        first = next(iter(self.evaluations.values()))
        return (
            f"paired by user; decided by the {self._decision()}",
            "relative difference: ratio of the two means − 1 (delta method, Fieller near 0); effect size: Cohen's d_z",
            *first.conventions,
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """The conventions in short, as `view` shows them."""
        return (self._decision(), _PVALUE, *next(iter(self.evaluations.values())).notes)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What puts the result into doubt."""
        return tuple(dict.fromkeys(note for found in self.evaluations.values() for note in found.warnings))

    def difference(self, metric: str, model: str, baseline: str) -> Difference:
        """Return one user metric of one pair, or raise NotFoundError.

        Parameters
        ----------
        metric : str
            A user metric, such as ``"ndcg@10"``.
        model, baseline : str
            Names of two models: the difference is model − baseline.
        """
        name = parse_metric(metric).name
        for row in self.differences:
            if (row.metric, row.model, row.baseline) == (name, model, baseline):
                return row
        pairs = ", ".join(dict.fromkeys(f"{row.model} − {row.baseline}" for row in self.differences))
        raise NotFoundError(
            f"{name} of {model} − {baseline} was not compared", f"one of the pairs {pairs} was expected"
        )

    def to_polars(self) -> pl.DataFrame:
        """Return one row for each user metric of each pair; see `Difference` for the columns."""
        rows = [row.row() | {"significant": self._significant(row)} for row in self.differences]
        return pl.DataFrame(rows, schema={name: _COLUMNS.get(name, pl.Float64) for name in rows[0]})

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, fit for JSON."""
        return {
            "conclusion": self.conclusion,
            "ranking": list(self.ranking),
            "baseline": self.baseline,
            "alpha": self.alpha,
            "tests": list(self.tests),
            "models": {name: found.to_dict() for name, found in self.evaluations.items()},
            "differences": self.to_polars().to_dicts(),
            "catalogue": [row.row() for row in self.catalogue],
            "segments": self.segments.to_dicts(),
            "interactions": self.interactions.to_dicts(),
            "conventions": list(self.conventions),
            "warnings": list(self.warnings),
        }

    def view(self) -> View:
        """Return what a reader should see: the conclusion, the ranking, differences, segments, who was measured."""
        first = next(iter(self.evaluations.values()))
        names = [name for name in first.labels.columns if name != WARMTH or first.labels[WARMTH].n_unique() > 1]
        tables = [self._ranking_table(), self._difference_table()]
        if self.catalogue:
            tables.append(_catalogue_table(self.catalogue, self.alpha))
        tables += [self._segment_table(name) for name in names]
        tables += [first.population_table(), *self._reach_tables()]
        return View(self.conclusion, tuple(tables), notes_of(self.warnings, self.notes), self._charts())

    def _charts(self) -> tuple[Chart, ...]:
        return comparison_charts(
            {name: self.evaluations[name] for name in self.ranking},
            self.primary,
            told_pairs(self.differences, self.ranking, self.baseline),
            self.segments,
            self.alpha,
            self.train_seconds,
        )

    def _significant(self, row: Difference) -> bool:
        return row.pvalue < self.alpha

    def _decision(self) -> str:
        family = f"{counted(len(self.differences), 'test')} (metrics × pairs)"
        return f"{_TEST_NAMES[self.tests[0]]}; p-values adjusted by Holm over {family}, alpha = {self.alpha:g}"

    def _ranking_table(self) -> Table:
        """Letters say who is above whom where every pair was tested; with a baseline a star says all that is known."""
        letter = {name: LETTERS[place] for place, name in enumerate(self.ranking)}
        marks = self._marks(letter)
        width = max(map(len, marks.values()), default=0)
        rows: list[tuple[Cell, ...]] = []
        for name in self.ranking:
            found = self.evaluations[name]
            cells = [
                Marked(found.interval(spec.name).estimate, marks.get((name, spec.name), ""), width)
                if spec.kind == "user"
                else found.interval(spec.name).estimate
                for spec in self.metrics
            ]
            rows.append((letter[name], name, *cells) if self.baseline is None else (name, *cells))
        columns = ("model", *(spec.name for spec in self.metrics))
        order = f"{'best' if self.primary.metric.better == 'higher' else 'highest'} first by {self.primary.name}"
        if self.baseline is None:
            caption = f"{order}; a letter behind a value: significantly above that model"
            return Table(("", *columns), tuple(rows), caption)
        return Table(
            columns, tuple(rows), f"{order}; *: significantly above {self.baseline}, the only model tested against"
        )

    def _marks(self, letter: Mapping[str, str]) -> dict[tuple[str, str], str]:
        """Return the marks behind the value of a model and metric."""
        marks: dict[tuple[str, str], str] = {}
        for row in filter(self._significant, self.differences):
            better, worse = (row.model, row.baseline) if row.difference > 0 else (row.baseline, row.model)
            if self.baseline is None:
                marks[better, row.metric] = "".join(sorted(marks.get((better, row.metric), "") + letter[worse]))
            elif worse == self.baseline:
                marks[better, row.metric] = "*"
        return marks

    def _difference_table(self) -> Table:
        rows = tuple(
            (
                f"{row.model} − {row.baseline}",
                row.metric,
                row.difference,
                Percent(row.relative, signed=True),
                Interval(row.relative_ci_low, row.relative_ci_high, percent=True),
                PValue(row.pvalue),
                f"{row.wins:,}/{row.losses:,}",
            )
            for row in self.differences
        )
        level = f"{100 * (1 - self.alpha):g} % interval"
        return Table(("pair", "metric", "difference", "relative", level, "Holm p", "won/lost"), rows)

    def _segment_table(self, by: str) -> Table:
        part = self.segments.filter((pl.col("by") == by) & (pl.col("metric") == self.primary.name))
        rows = tuple(
            (
                f"{row['model']} − {row['baseline']}",
                row["level"],
                row["n"],
                row["mean"],
                row["baseline_mean"],
                row["difference"],
                Interval(row["ci_low"], row["ci_high"]),
            )
            for row in part.to_dicts()
        )
        caption = f"{self.primary.name} by {by}{self._interaction_text(by)}"
        header = ("pair", by, "users", "model", "baseline", "difference", f"{100 * (1 - self.alpha):g} % interval")
        return Table(header, rows, caption)

    def _interaction_text(self, by: str) -> str:
        tests = self.interactions.filter((pl.col("by") == by) & (pl.col("metric") == self.primary.name))
        told = [
            f"{row['model']} − {row['baseline']} {cell_text(PValue(row['pvalue']))}"
            for row in tests.drop_nulls("pvalue").to_dicts()
        ]
        return f"; does the difference vary between segments? Holm p: {', '.join(told)}" if told else ""

    def _reach_tables(self) -> list[Table]:
        """Return the misses of each model apart, where they differ (models that know different items)."""
        if len({found.reach for found in self.evaluations.values()}) == 1:
            return []
        rows = tuple(
            (name, found.reach.cold_items, found.reach.ineligible, Percent(found.reach.share))
            for name, found in self.evaluations.items()
        )
        return [Table(("out of reach for", "cold items", "not eligible", "share"), rows)]


def ranked(evaluations: Mapping[str, Evaluation]) -> tuple[str, ...]:
    """Return the names of the models, highest first by the primary metric."""
    primary = primary_metric(next(iter(evaluations.values())).metrics)
    return best_first({name: found.interval(primary.name).estimate for name, found in evaluations.items()}, primary)


_PVALUE = "p: how probable so large a difference would be if the models were equally good"
_TEST_NAMES = {
    "t": "paired t test",
    "wilcoxon": "Wilcoxon signed-rank test",
    "permutation": "sign-flip permutation test",
}


def _catalogue_table(differences: tuple[CatalogueDifference, ...], alpha: float) -> Table:
    rows = tuple(
        (f"{row.model} − {row.baseline}", row.metric, row.difference, Interval(row.ci_low, row.ci_high))
        for row in differences
    )
    caption = "whole catalogue (one value for all lists: jackknife over users, no test)"
    return Table(("pair", "metric", "difference", f"{100 * (1 - alpha):g} % interval"), rows, caption)
