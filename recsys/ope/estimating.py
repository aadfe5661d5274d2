"""Propensities estimated from the log itself, where the logging policy did not write them down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recsys.core.checks import did_you_mean, finite_float
from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.ope.feedback import LoggedFeedback, Propensities

_MOST_LEVELS = 1000  # of a column
_MOST_CELLS = 1 << 23  # combinations × items
Numbers = NDArray[np.float64]


class _Table(NamedTuple):
    """The log, added up: `features` (g, f) of each combination, and which combination each row has."""

    features: csr_array
    of_row: NDArray[np.int64]


def estimate_propensities(
    feedback: LoggedFeedback, by: Sequence[str] = (), *, ridge: float = 1.0, clip: float = 0.001
) -> LoggedFeedback:
    """Return the log with an estimated probability of each item at its position; marked ``estimated``.

    A multinomial logistic model of the item on the position, the policy version and the columns `by`, all as
    categories, with a ridge penalty on all but the items' intercepts. It is calibrated by one temperature (Guo et al.
    2017) that fits each half of the requests best under the model of the other half, then raised to `clip`.

    Weights made of it are right as far as the logger chose by these columns alone; what it saw beside them is not
    corrected. Propensities of lists are not estimated.

    Parameters
    ----------
    feedback : LoggedFeedback
        Without propensities of its own: those are better.
    by : sequence of str
        Columns of the context, of at most 1,000 different values each.
    ridge : float
        Strength of the penalty, in rows.
    clip : float
        The smallest propensity, from 0 to below 1.

    Raises
    ------
    ArgumentError, NotFoundError
        The log has propensities, or a column is missing or has too many values.
    DataError
        The log is empty, or there are too many combinations.

    Examples
    --------
    >>> log = LoggedFeedback.from_frame({"item_id": ["a"] * 300 + ["b"] * 100, "click": [1] * 400})
    >>> estimated = estimate_propensities(log)
    >>> estimated.propensities.position[[0, 399]].round(2).tolist(), estimated.estimated
    ([0.75, 0.25], True)
    """
    ridge, clip = finite_float("ridge", ridge, minimum=0), finite_float("clip", clip, minimum=0, below=1)
    if any(kind is not None for kind in feedback.propensities):
        raise ArgumentError("the log has propensities", "a log without any was expected", "those of the log are exact")
    if not len(feedback):
        raise DataError("the log is empty", "at least one impression was expected")
    columns = [by] if isinstance(by, str) else list(by)
    table = _table(feedback, columns)
    n_items = len(feedback.items)
    if table.features.shape[0] * n_items > _MOST_CELLS:
        raise DataError(
            f"{table.features.shape[0]:,} combinations of the columns and {n_items:,} items are too many",
            f"at most {_MOST_CELLS:,} pairs were expected",
            "give fewer columns in by=, or coarser ones",
        )
    temperature = _temperature(feedback, table, ridge)
    fitted = _log_chances(_fit(table, feedback.actions, n_items, ridge, np.ones(len(feedback), np.bool_)), temperature)
    chance = np.exp(fitted[table.of_row, feedback.actions])
    raised = int((chance < clip).sum())
    told = ", ".join(["position", "policy version", *columns])
    note = (
        f"propensities were estimated from the log (multinomial logistic on {told}; temperature {temperature:.3g};"
        f" {raised:,} rows raised to {clip:g}): right as far as the logger chose by these alone"
    )
    kept = tuple(note for note in feedback.notes if not note.startswith("the log has no propensities"))
    position = np.minimum(np.maximum(chance, clip), 1.0)
    return replace(feedback, propensities=Propensities(position), estimated=True, notes=kept).noted(note)


def _table(feedback: LoggedFeedback, by: Sequence[str]) -> _Table:
    """Return the indicator features of every combination of position, version and context that occurs."""
    levels = {"position": feedback.positions.astype(np.int64), "version": feedback.version_codes.astype(np.int64)}
    for name in by:
        if name not in feedback.context.columns:
            known = ", ".join(feedback.context.columns) or "none"
            raise NotFoundError(
                f"the log has no context column {name!r}",
                f"one of its columns ({known}) was expected",
                did_you_mean(name, feedback.context.columns),
            )
        levels[f"by {name}"] = feedback.context[name].rank("dense").fill_null(0).to_numpy().astype(np.int64)
        found = len(np.unique(levels[f"by {name}"]))
        if found > _MOST_LEVELS:
            raise ArgumentError(
                f"{name} has {found:,} different values",
                f"categories, at most {_MOST_LEVELS:,}, were expected",
                "cut numbers into ranges first, e.g. with column.qcut(10)",
            )
    numbered = pl.DataFrame(levels)
    distinct = numbered.unique().sort(numbered.columns).with_row_index("place")
    of_row = numbered.join(distinct, on=numbered.columns, how="left", maintain_order="left")["place"]
    parts, width = [], 0
    for name in numbered.columns:
        values, codes = np.unique(distinct[name].to_numpy(), return_inverse=True)
        parts.append(codes + width)
        width += len(values)
    indices = np.stack(parts, axis=1)
    indptr = np.arange(len(distinct) + 1) * indices.shape[1]
    features = csr_array((np.ones(indices.size), indices.ravel(), indptr), shape=(len(distinct), width))
    return _Table(features, of_row.to_numpy().astype(np.int64))


def _fit(table: _Table, actions: NDArray[np.int32], n_items: int, ridge: float, rows: NDArray[np.bool_]) -> Numbers:
    """Return the (g, n_items) logits of the penalised maximum likelihood on some of the rows."""
    from scipy.optimize import minimize

    features, groups = table.features, table.features.shape[0]
    cells = table.of_row[rows] * n_items + actions[rows]
    counts = np.bincount(cells, minlength=groups * n_items).reshape(groups, n_items).astype(np.float64)
    totals, shape = counts.sum(axis=1, keepdims=True), (features.shape[1] + 1, n_items)

    def loss(flat: Numbers) -> tuple[float, Numbers]:
        weights = flat.reshape(shape)
        logs = _log_softmax(features @ weights[1:] + weights[0])
        excess = totals * np.exp(logs) - counts
        gradient = np.vstack([excess.sum(axis=0), features.T @ excess + ridge * weights[1:]])
        value = -(counts * logs).sum() + 0.5 * ridge * (weights[1:] ** 2).sum()
        return float(value) / totals.sum(), gradient.ravel() / totals.sum()

    start = np.zeros(shape)
    start[0] = np.log((counts.sum(axis=0) + 0.5) / (totals.sum() + 0.5 * n_items))
    best = minimize(
        loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 500, "gtol": 1e-9, "ftol": 1e-13}
    )
    weights = best.x.reshape(shape)
    return np.asarray(features @ weights[1:] + weights[0])


def _temperature(feedback: LoggedFeedback, table: _Table, ridge: float) -> float:
    """Return the temperature that fits each half of the slates best under the logits of the other half."""
    from scipy.optimize import minimize_scalar

    if feedback.n_slates < 2:
        return 1.0
    half = feedback.slates % 2 == 0
    n_items = len(feedback.items)
    logits = [_fit(table, feedback.actions, n_items, ridge, rows) for rows in (half, ~half)]

    def loss(log_temperature: float) -> float:
        total = 0.0
        for own, rows in zip(logits, (~half, half), strict=True):
            chances = _log_chances(own, float(np.exp(log_temperature)))
            total -= float(chances[table.of_row[rows], feedback.actions[rows]].sum())
        return total

    return float(np.exp(minimize_scalar(loss, bounds=(-1.5, 1.5), method="bounded").x))


def _log_chances(logits: Numbers, temperature: float) -> Numbers:
    return _log_softmax(logits / temperature)


def _log_softmax(logits: Numbers) -> Numbers:
    centred = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(centred - np.log(np.exp(centred).sum(axis=1, keepdims=True)))
