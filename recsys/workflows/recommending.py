"""`recommend`: lists for many users into a file, in bounded memory; `look`: for a few users, onto the screen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import polars as pl

from recsys.core.checks import one_of, positive_int
from recsys.core.errors import ArgumentError, DataError
from recsys.core.logs import logger
from recsys.core.progress import Progress, ProgressCallback, silent
from recsys.core.times import parse_instant, utc_now
from recsys.dataset import Vocabulary
from recsys.display import View, counted
from recsys.models import Recommender
from recsys.models.serving import History, read_history
from recsys.scoring import SOURCES, Eligibility, ListPolicy, Recommendations
from recsys.store import Run
from recsys.store.activity import active_users
from recsys.store.artifacts import load_artifact
from recsys.store.datasets import attributes
from recsys.store.snapshots import extract, find_snapshot
from recsys.workflows.exporting import STREAM, ListWriter, StreamWriter, format_of
from recsys.workflows.identities import forgotten, ids_like, with_titles
from recsys.workflows.listed import Lists, RecommendSummary
from recsys.workflows.recording import Job, Recorded
from recsys.workflows.training import recipe_of, training_run

if TYPE_CHECKING:
    from recsys.dataset.vocabulary import Ids
    from recsys.scoring.eligibility import Instant
    from recsys.scoring.exploring import Explorer
    from recsys.scoring.reranking import Reranker
    from recsys.store import Store

OnUnknown = Literal["raise", "skip", "fallback"]
LOOK_AT_MOST = 50
_USERS_PER_CHUNK = 1 << 16
_ROWS_PER_CHUNK = 2_000_000


class Serving(NamedTuple):
    """A model at work, with all that it needs from the store.

    Attributes
    ----------
    run : Run
        Its training run.
    model : Recommender
    history : History or None
        Newer histories.
    attributes : polars.DataFrame or None
        The users' attributes as they are now, if the eligibility asks for any.
    eligibility : Eligibility or None
    at : datetime
        The instant of serving (UTC).
    on_unknown : str
    policy : ListPolicy
        Re-ranking and exploration, the latter with its seed.
    warnings : tuple of str
    """

    run: Run
    model: Recommender
    history: History | None
    attributes: pl.DataFrame | None
    eligibility: Eligibility | None
    at: Instant
    on_unknown: OnUnknown
    policy: ListPolicy
    warnings: tuple[str, ...]

    def lists(self, users: pl.Series, k: int, n_threads: int | None = None) -> Recommendations:
        """Return the lists of some users."""
        return self.model.recommend(
            users,
            k,
            history=self.history,
            eligibility=self.eligibility,
            rerank=self.policy.rerank,
            explore=self.policy.explore,
            on_unknown=self.on_unknown,
            at=self.at,
            user_attributes=self.attributes,
            n_threads=n_threads,
        )

    def checked(self, lists: Recommendations) -> pl.DataFrame:
        """Return the rows, after a second, independent check that no rule forbids any of them.

        Raises
        ------
        DataError
            A forbidden row was found; that is a fault of recsys.
        """
        frame = lists.to_polars()
        if self.eligibility is None or not len(frame):
            return frame
        forbidden = self.eligibility.forbids(
            frame["user_id"], frame["item_id"], user_attributes=self.attributes, at=self.at
        )
        if forbidden.any():
            first = frame.row(int(np.flatnonzero(forbidden)[0]))
            raise DataError(
                f"{int(forbidden.sum()):,} rows break the eligibility, first user {first[0]!r} with item {first[1]!r}",
                "no forbidden row was expected, so nothing was written",
                "please report this",
            )
        return frame


def recommend(
    store: Store,
    run: str | Run,
    out: str | PathLike[str] | IO[bytes],
    *,
    k: int = 10,
    users: Ids | None = None,
    since: str | datetime | None = None,
    history: Literal["now"] | None = None,
    on_unknown: OnUnknown = "fallback",
    eligibility: Eligibility | None = None,
    rerank: Reranker | None = None,
    explore: Explorer | None = None,
    at: Instant | None = None,
    format: str | None = None,  # noqa: A002  # the word that users type
    n_threads: int | None = None,
    progress: ProgressCallback = silent,
) -> Recorded[RecommendSummary]:
    """Write the lists of all users, or of some, to a file with one row a recommendation.

    Columns: user_id, item_id, rank, score, source; with `explore` also propensity_position, propensity_slate and
    propensity_given_above. The file replaces an older one when it is whole; a manifest,
    ``<out>.manifest.json``, says what it is. Memory does not grow with the number of users.

    Parameters
    ----------
    store : Store
        The store.
    run : str
        A training run.
    out : path or binary stream
        A ``.parquet``, ``.csv`` or ``.jsonl`` file; or an open stream, which gets CSV or JSON lines as they come, and
        no manifest.
    k : int
        Items per user.
    users : ids, optional
        Only these. Default: everybody in the data that the model was trained or is tested on, and with
        ``history="now"`` those who came since. Nobody whom the store was told to forget.
    since : datetime or ISO text, optional
        Only users with an event at or after this instant (UTC).
    history : "now", optional
        Fold in what happened, or arrived, since the training.
    on_unknown : {"fallback", "skip", "raise"}
        What users without a history get.
    eligibility : Eligibility, optional
        What may be shown to whom. User attributes are those of the store as they are now.
    rerank : Reranker, optional
        ``MMR(…)`` or ``Calibrated(…)``. Item attributes are those of the store as they are now.
    explore : Explorer, optional
        ``EpsilonGreedy(…)`` or ``PlackettLuce(…)``. The seed is recorded, one drawn here as well.
    at : datetime, date, ISO text or int64 µs, optional
        The instant of serving, for rules with time windows. Default: now.
    format : {"parquet", "csv", "jsonl"}, optional
        If the name does not say.
    n_threads : int, optional
        Threads; by default all cores.
    progress : callable, optional
        Told of every chunk of users.

    Raises
    ------
    NotFoundError
        There is no such run or folder; a user is unknown, and `on_unknown` is ``"raise"``.
    ArgumentError
        An argument is not usable.
    DataError
        A row would break the eligibility; nothing is written.
    """
    job = Job(store, "recommend")
    positive_int("k", k)
    writer = open_sink(out, format, job.run_id)
    serving = prepare_serving(store, run, history, on_unknown, eligibility, at, ListPolicy(rerank, explore))
    asked, dropped = find_audience(store, serving, users, since)
    counts = {"users": 0, "fallback_users": 0, "skipped": 0, "explored": 0}
    warnings = [*serving.warnings, *dropped]
    if not len(asked):
        warnings.append("nobody was asked for: there are no rows")
    with writer:
        for chunk, done in user_chunks(asked, k):
            lists = serving.lists(chunk, k, n_threads)
            frame = serving.checked(lists)
            writer.write(frame)
            _count(counts, lists, len(chunk))
            warnings += lists.warnings
            progress(Progress("recommend", done, len(asked), "users"))
        recipe = {
            "model": serving.run.recipe["model"],
            "run": serving.run.run_id,
            "k": k,
            "users": None if users is None else len(asked),
            "since": None if since is None else parse_instant("since", since).isoformat(),
            "history": history,
            "on_unknown": on_unknown,
            "eligibility": None if eligibility is None else repr(eligibility),
            "policy": serving.policy.to_dict(),
            "at": str(serving.at),
            "format": writer.kind,
            "out": writer.name,
        }
        size = {"rows": writer.rows, **counts}
        told = {"k": k, "columns": frame.columns, "policy": serving.policy.to_dict()}
        checksum = writer.publish(lambda sha256: _manifest(job, serving, writer.name, {**size, **told}, sha256))
    named, beside = (STREAM, None) if writer.manifest is None else (str(out), str(writer.manifest))
    summary = RecommendSummary(named, beside, k=k, sha256=checksum, **size)
    recorded = job.record(
        recipe=recipe,
        seed=serving.run.seed,
        snapshot=serving.run.snapshot_id,
        parents=(serving.run.run_id,),
        trained_through=serving.run.trained_through,
        metrics={name: float(value) for name, value in size.items()},
        result=summary.to_dict(),
        view=View(str(summary)),
        warnings=warnings,
    )
    for warning in recorded.warnings:
        logger.warning(warning)
    return Recorded(recorded, summary)


def look(
    store: Store,
    run: str | Run,
    users: Ids | None = None,
    *,
    k: int = 10,
    since: str | datetime | None = None,
    history: Literal["now"] | None = None,
    on_unknown: OnUnknown = "fallback",
    eligibility: Eligibility | None = None,
    rerank: Reranker | None = None,
    explore: Explorer | None = None,
    at: Instant | None = None,
) -> Lists:
    """Return the lists of a few users, with titles where the store has them; nothing is written or recorded.

    Arguments as in `recommend`.

    Parameters
    ----------
    store : Store
        The store.
    run : str
        A training run.
    users : ids, optional
        Who is looked at.
    k : int
        Items per user.
    since : datetime or ISO text, optional
        Only users with an event at or after this instant (UTC).
    history : "now", optional
        Fold in what happened, or arrived, since the training.
    on_unknown : {"fallback", "skip", "raise"}
        What users without a history get.
    eligibility : Eligibility, optional
        What may be shown to whom.
    rerank : Reranker, optional
        ``MMR(…)`` or ``Calibrated(…)``.
    explore : Explorer, optional
        ``EpsilonGreedy(…)`` or ``PlackettLuce(…)``.
    at : datetime, date, ISO text or int64 µs, optional
        The instant of serving. Default: now.

    Raises
    ------
    ArgumentError
        More users are meant than one can look at.
    """
    serving = prepare_serving(store, run, history, on_unknown, eligibility, at, ListPolicy(rerank, explore))
    asked, dropped = find_audience(store, serving, users, since)
    if len(asked) > LOOK_AT_MOST:
        raise ArgumentError(
            f"{len(asked):,} users were asked for", f"at most {LOOK_AT_MOST} fit a screen", "add --out recs.parquet"
        )
    lists = serving.lists(asked, k)
    frame = with_titles(store, serving.checked(lists), "item_id", "title")
    without = counted(len(lists.skipped), "user")
    ignored = (f"{without} without training events left out",) if lists.skipped else ()
    return Lists(frame, (*serving.warnings, *dropped, *ignored, *lists.warnings))


def prepare_serving(
    store: Store,
    run: str | Run,
    history: str | None,
    on_unknown: OnUnknown,
    eligibility: Eligibility | None,
    at: Instant | None,
    policy: ListPolicy = ListPolicy(),  # noqa: B008 - frozen
) -> Serving:
    """Load a model and read from the store what it needs to serve."""
    one_of("on_unknown", on_unknown, ("fallback", "skip", "raise"))
    if history is not None:
        one_of("history", history, ("now",))
    trained = training_run(store, run)
    model = load_artifact(store.artifacts, str(trained.artifact))
    newer, warnings = _newer_history(store, trained, model) if history else (None, ())
    known = None
    if eligibility is not None and eligibility.attributes:
        with store.read() as con:
            known = attributes(con, "users")
    now = utc_now() if at is None else at
    return Serving(trained, model, newer, known, eligibility, now, on_unknown, _with_items(store, policy), warnings)


def _with_items(store: Store, policy: ListPolicy) -> ListPolicy:
    """Return the policy with a seed, and with the items' attributes as they are now, if it asks for any."""
    policy = policy.seeded()
    if policy.rerank is None or policy.rerank.attribute is None:
        return policy
    with store.read() as con:
        items = attributes(con, "items")
    return policy if items is None else replace(policy, rerank=policy.rerank.with_items(items))


def _newer_history(store: Store, run: Run, model: Recommender) -> tuple[History | None, tuple[str, ...]]:
    """Return the complete histories of the users for whom something happened, or arrived, since the training."""
    recipe = replace(recipe_of(run), until=None, as_of=None, min_user_events=1, min_item_events=1)
    with store.read() as con:
        mark = None if run.snapshot_id is None else find_snapshot(con, run.snapshot_id).high_water
        changed = active_users(con, recipe, after=run.trained_through, mark=mark)
    if not len(changed):
        return None, ()
    data, _, warnings = extract(store, recipe)
    theirs = np.zeros(data.n_users, dtype=np.bool_)
    codes = data.users.encode(changed)
    theirs[codes[codes >= 0]] = True
    return read_history(data.keep(theirs[data.user_codes]), model.items_, model.label_), warnings


def find_audience(
    store: Store, serving: Serving, users: Ids | None, since: str | datetime | None
) -> tuple[pl.Series, tuple[str, ...]]:
    """Return the ids of the users to serve, each once, and who was left out of them."""
    model = serving.model
    if users is not None:
        asked = ids_like(users, model.users_, "user_id").unique(maintain_order=True)
    elif since is None:
        asked = model.users_.ids  # with those of the test part: users whom nobody trained on are users all the same
        if serving.history is not None:
            asked = Vocabulary.from_ids(asked, serving.history.users.ids).ids
    if since is not None:
        if model.trained_through_ is None:
            raise ArgumentError(
                f"since is {since!r} and the events have no times", "a log with ts was expected", "leave since out"
            )
        with store.read() as con:
            recent = active_users(con, recipe_of(serving.run), since=parse_instant("since", since))
        asked = recent if users is None else asked.filter(asked.is_in(recent.implode()))
    return _without_forgotten(store, serving, asked.rename("user_id"))


def _without_forgotten(store: Store, serving: Serving, asked: pl.Series) -> tuple[pl.Series, tuple[str, ...]]:
    """Leave out whom the model still knows although the store was told to forget them."""
    gone = forgotten(store, serving.run, serving.model, asked)
    if not len(gone):
        return asked, ()
    left_out = counted(len(gone), "forgotten user")
    note = f"{left_out} left out: run {serving.run.run_id} was trained before; train it again"
    return asked.filter(~asked.is_in(gone.implode())), (note,)


def open_sink(out: str | PathLike[str] | IO[bytes], wanted: str | None, tag: str) -> ListWriter | StreamWriter:
    """Return what writes the lists: a file that appears when it is whole, or an open stream."""
    if isinstance(out, str | PathLike):
        path = Path(out)
        return ListWriter(path, format_of(path, wanted), tag)
    return StreamWriter(out, wanted or "csv")


def user_chunks(users: pl.Series, k: int) -> Iterator[tuple[pl.Series, int]]:
    """Yield parts of the users and how many are done by then; one empty part when there is nobody."""
    size = max(1, min(_USERS_PER_CHUNK, _ROWS_PER_CHUNK // k))
    for start in range(0, max(len(users), 1), size):
        part = users.slice(start, size)
        yield part, start + len(part)


def _count(counts: dict[str, int], lists: Recommendations, asked: int) -> None:
    served = (lists.lists >= 0).any(axis=1)
    counts["users"] += int(served.sum())
    counts["fallback_users"] += int((served & (lists.sources == SOURCES.index("fallback"))).sum())
    counts["skipped"] += asked - int(served.sum())
    counts["explored"] += 0 if lists.sample is None else int(lists.sample.explored.sum())


def _manifest(job: Job, serving: Serving, name: str, told: dict[str, Any], checksum: str) -> dict[str, Any]:
    return {
        "schema": "recsys/recommendations/1",
        "file": Path(name).name,
        "sha256": checksum,
        **told,
        "run": job.run_id,
        "model_run": serving.run.run_id,
        "model": serving.run.recipe["model"],
        "snapshot": serving.run.snapshot_id,
        "artifact": serving.run.artifact,
        "created": utc_now().isoformat(timespec="seconds"),
    }
