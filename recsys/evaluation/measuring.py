"""One model on one population: its lists over the full catalogue, and the value of every metric for every user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recsys.core.errors import NotFoundError
from recsys.core.progress import Progress, ProgressCallback, silent
from recsys.core.threads import row_chunks
from recsys.dataset import Dataset
from recsys.evaluation.exposure import Exposure, exposure_of
from recsys.evaluation.pairs import codes_in, extended_codes, shared_pairs
from recsys.evaluation.population import Population
from recsys.evaluation.seen import seen_rows
from recsys.kernels import Csr, RankCounts, rank_counts
from recsys.metrics import MetricContext, MetricSpec, item_features, user_metrics
from recsys.models.base import Recommender
from recsys.models.ranking import FALLBACK
from recsys.models.serving import Codes, recoded, take_rows
from recsys.scoring import Eligibility, ResolvedEligibility

_USERS_PER_CHUNK = 1 << 15
_CELLS_PER_CHUNK = 1 << 24


@dataclass(frozen=True, eq=False)
class Serving:
    """How lists are made, alike for every model.

    Parameters
    ----------
    history : Dataset, optional
        Histories that are folded in.
    exclude_seen : bool
        Whether seen items are kept out of the lists.
    eligibility : Eligibility, optional
        What may be shown to whom.
    at : int, optional
        The instant of serving in microseconds since 1970, for rules with time windows.
    n_threads : int, optional
        Default: all cores.
    """

    history: Dataset | None = None
    exclude_seen: bool = True
    eligibility: Eligibility | None = None
    at: int | None = None
    n_threads: int | None = None


@dataclass(frozen=True)
class Reach:
    """Relevant test pairs that a model could not recommend; they count as misses.

    Parameters
    ----------
    relevant : int
        All relevant test pairs of the population.
    cold_items : int
        Those whose item has no training event: no candidate.
    ineligible : int
        Those of the others that the eligibility closes.
    """

    relevant: int
    cold_items: int = 0
    ineligible: int = 0

    @property
    def share(self) -> float:
        """Return the share of relevant pairs that were out of reach."""
        return (self.cold_items + self.ineligible) / self.relevant

    def to_dict(self) -> dict[str, int | float]:
        """Return the counts and the share as plain values."""
        return {"cold_items": self.cold_items, "ineligible": self.ineligible, "share": self.share}


@dataclass(frozen=True, eq=False)
class Measured:
    """What one model reached.

    Parameters
    ----------
    values : dict of metric name to (n_users,) float64
        The user metrics; NaN where a metric has no value for a user.
    lists : (n_users, k) int32
        The lists, in the model's item codes.
    context : MetricContext
        What the catalogue metrics need.
    fallback : (n_users,) bool
        Whose list is not the model's.
    reach : Reach
        What could not be recommended.
    exposure : Exposure or None
        How the lists fall on the items.
    warnings : tuple of str
        What the eligibility named in vain.
    """

    values: dict[str, NDArray[np.float64]]
    lists: NDArray[np.int32]
    context: MetricContext
    fallback: NDArray[np.bool_]
    reach: Reach
    exposure: Exposure | None
    warnings: tuple[str, ...] = ()


def measure(
    model: Recommender,
    population: Population,
    specs: Sequence[MetricSpec],
    serving: Serving,
    *,
    stage: str = "evaluate",
    progress: ProgressCallback = silent,
) -> Measured:
    """Return the lists of a model and its user metrics, on every user of the population.

    Memory: the lists (n_users × k × 4 bytes), and the scores of a chunk of users for ``auc``.
    """
    test = population.test
    rows = codes_in(test.users, model.users_)[population.codes]
    columns, n_items = extended_codes(test.items, model.items_)
    relevant = recoded(population.relevant, columns, n_items)
    rules = resolved_rules(model, population, rows, serving)
    lists, sources = _lists(model, rows, _longest(specs), rules, serving, stage, progress)
    context = _context(model, test, rows, relevant, specs, rules, serving)
    values = user_metrics(
        lists, relevant, [spec for spec in specs if spec.kind == "user"], context=context, n_threads=serving.n_threads
    )
    warnings = rules.warnings if rules is not None else ()
    reach = _reach(model, relevant, rules)
    return Measured(values, lists, context, sources == FALLBACK, reach, exposure_of(lists, specs, context), warnings)


def resolved_rules(
    model: Recommender, population: Population, rows: Codes, serving: Serving
) -> ResolvedEligibility | None:
    """Return the eligibility of the population over the model's items, or None without rules."""
    if serving.eligibility is None:
        return None
    attributes = _attributes(serving.eligibility.attributes, model, population, rows)
    return serving.eligibility.resolve(population.users, model.items_, attributes, serving.at)


def _attributes(names: Sequence[str], model: Recommender, population: Population, rows: Codes) -> pl.DataFrame | None:
    """Return the users' attributes from the test part, or from the model's training part where the test has none."""
    if not names:
        return None
    places = pl.Series(rows.astype(np.int64))
    for frame, index in (
        (population.test.user_attributes, pl.Series(population.codes)),
        (model.user_attributes_, places.set(places < 0, None)),
    ):
        if frame is not None and set(names) <= set(frame.columns):
            return frame.select(pl.col(name).gather(index) for name in names)
    raise NotFoundError(
        f"the eligibility asks for the user attributes {', '.join(names)}, the test part does not have them",
        "users with these attributes were expected",
        "give user_attributes, a frame with user_id",
    )


def _longest(specs: Sequence[MetricSpec]) -> int:
    return max((spec.k or 1 for spec in specs), default=1)


def _lists(
    model: Recommender,
    rows: Codes,
    k: int,
    rules: ResolvedEligibility | None,
    serving: Serving,
    stage: str,
    progress: ProgressCallback,
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    lists = np.empty((len(rows), k), dtype=np.int32)
    sources = np.empty(len(rows), dtype=np.uint8)
    chunk = _USERS_PER_CHUNK if serving.history is None else len(rows)  # a history is read anew for every call
    for start, stop in row_chunks(len(rows), chunk):
        found = model.recommend_codes(
            rows[start:stop],
            k,
            history=serving.history,
            exclude_seen=serving.exclude_seen,
            eligibility=None if rules is None else rules.take(np.arange(start, stop)),
            n_threads=serving.n_threads,
        )
        lists[start:stop], sources[start:stop] = found.items, found.sources
        progress(Progress(stage, stop, len(rows), "users"))
    return lists, sources


def _context(
    model: Recommender,
    test: Dataset,
    rows: Codes,
    relevant: Csr,
    specs: Sequence[MetricSpec],
    rules: ResolvedEligibility | None,
    serving: Serving,
) -> MetricContext:
    """Return what the wanted metrics need; items that the model does not know have codes after its last."""
    needs = {need for spec in specs for need in spec.metric.needs}
    events = np.zeros(relevant.shape[1], dtype=np.int64)
    events[: len(model.items_)] = model.item_events_
    features = history = counts = None
    if "item_features" in needs:
        features = _features(model, test, relevant.shape[1])
    if "history" in needs:
        history = _widened(seen_rows(model, rows, serving.history), relevant.shape[1])
    if "rank_counts" in needs:
        counts = _ranks(model, rows, relevant, rules, serving)
    return MetricContext(events, None, features, history, counts)


def _features(model: Recommender, test: Dataset, n_items: int) -> Csr:
    if test.item_attributes is None:
        raise NotFoundError(
            "a metric of item attributes is asked for and the test part has none",
            "a Dataset with item_attributes was expected",
            "use Dataset.from_frame(…, item_attributes=frame)",
        )
    codes = np.full(n_items, -1, dtype=np.int32)
    codes[: len(model.items_)] = codes_in(model.items_, test.items)
    return take_rows(item_features(test.item_attributes), codes)


def _ranks(
    model: Recommender, rows: Codes, relevant: Csr, rules: ResolvedEligibility | None, serving: Serving
) -> RankCounts:
    parts = list(_rank_chunks(model, rows, relevant, rules, serving))
    return RankCounts(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _rank_chunks(
    model: Recommender, rows: Codes, relevant: Csr, rules: ResolvedEligibility | None, serving: Serving
) -> Iterator[RankCounts]:
    n_known = len(model.items_)
    for start, stop in row_chunks(len(rows), max(1, _CELLS_PER_CHUNK // relevant.shape[1])):
        scores = np.full((stop - start, relevant.shape[1]), -np.inf, dtype=np.float32)
        scores[:, :n_known] = model.score_codes(rows[start:stop], history=serving.history)
        closed = seen_rows(model, rows[start:stop], serving.history) if serving.exclude_seen else None
        if rules is not None:
            part = rules.take(np.arange(start, stop))
            # Whole groups are closed here: as a pattern of pairs they would outgrow the scores.
            np.copyto(scores[:, :n_known], -np.inf, where=~part.open_items[part.group_of_user])
            if part.denied is not None:
                closed = part.denied if closed is None else csr_array(closed + part.denied)
        exclude = None if closed is None else _widened(closed, relevant.shape[1])
        yield rank_counts(scores, relevant[start:stop], exclude=exclude, n_threads=serving.n_threads)


def _widened(pairs: Csr, n_items: int) -> Csr:
    """Return the pairs over the extended codes, in which the items that the model does not know come last."""
    return csr_array((pairs.data, pairs.indices, pairs.indptr), shape=(pairs.shape[0], n_items))


def _reach(model: Recommender, relevant: Csr, rules: ResolvedEligibility | None) -> Reach:
    n_known = len(model.items_)
    candidates = np.zeros(relevant.shape[1], dtype=np.bool_)
    candidates[:n_known] = model.candidates()
    reachable = candidates[relevant.indices]
    cold = int((~reachable).sum())
    if rules is None:
        return Reach(relevant.nnz, cold)
    owners = np.repeat(np.arange(relevant.shape[0]), np.diff(relevant.indptr))
    known = np.minimum(relevant.indices, n_known - 1)
    is_open = rules.open_items[rules.group_of_user[owners], known]
    if rules.denied is not None:
        is_open &= ~shared_pairs(relevant, _widened(rules.denied, relevant.shape[1]))
    return Reach(relevant.nnz, cold, int((reachable & ~is_open).sum()))
