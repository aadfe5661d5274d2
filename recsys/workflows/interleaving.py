"""`interleave`: two models' lists merged into a file; `analyze_interleaving`: whom the clicks prefer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from recsys import experiment
from recsys.core.checks import did_you_mean, one_of, positive_int
from recsys.core.errors import ArgumentError, DataError
from recsys.core.logs import logger
from recsys.core.progress import Progress, ProgressCallback, silent
from recsys.core.seeds import derived_int
from recsys.core.times import instant_micros, utc_now
from recsys.dataset import Vocabulary
from recsys.display import View, counted
from recsys.experiment import InterleavingResult
from recsys.workflows.exporting import STREAM
from recsys.workflows.interleaved_files import ids_alike, read_lists
from recsys.workflows.recommending import (
    OnUnknown,
    Serving,
    find_audience,
    open_sink,
    prepare_serving,
    user_chunks,
)
from recsys.workflows.recording import Job, Recorded

if TYPE_CHECKING:
    from recsys.dataset.vocabulary import Ids
    from recsys.scoring import Eligibility
    from recsys.scoring.eligibility import Instant
    from recsys.store import Run, Store

METHODS = ("team-draft", "balanced", "probabilistic")


@dataclass(frozen=True)
class InterleaveSummary:
    """What was written.

    Attributes
    ----------
    out : str
        The file; ``"-"`` for an open stream.
    manifest : str or None
        What stands beside it: the two runs, the method, the seed.
    rows, users : int
        Shown items, and users with a list.
    left_out : int
        Users who were asked for and whom one of the models has no list for.
    method : str
        How it was made, in words.
    k, seed : int
        Slots of a list, and what the draws depend on.
    sha256 : str
        Of the file.
    """

    out: str
    manifest: str | None
    rows: int
    users: int
    left_out: int
    method: str
    k: int
    seed: int
    sha256: str

    def __str__(self) -> str:
        where = "" if self.out == STREAM else f" in {self.out}"
        gone = f"; {counted(self.left_out, 'user')} without a list of both left out" if self.left_out else ""
        return f"{counted(self.rows, 'row')} for {counted(self.users, 'user')}{where} ({self.method}){gone}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def interleave(
    store: Store,
    run_a: str | Run,
    run_b: str | Run,
    out: str | PathLike[str] | IO[bytes],
    *,
    k: int = 10,
    method: str = "team-draft",
    seed: int | None = None,
    users: Ids | None = None,
    since: str | datetime | None = None,
    history: Literal["now"] | None = None,
    on_unknown: OnUnknown = "fallback",
    eligibility: Eligibility | None = None,
    at: Instant | None = None,
    format: str | None = None,  # noqa: A002  # the word that users type
    n_threads: int | None = None,
    progress: ProgressCallback = silent,
) -> Recorded[InterleaveSummary]:
    """Write the interleaved lists of two trained models: one row a shown item, with who brought it.

    Columns: user_id, item_id, rank, team, rank_a, rank_b, [chance_a, chance_b], method. The file replaces an older one
    when it is whole; a manifest beside it names the runs. Memory does not grow with the number of users.

    Parameters
    ----------
    store : Store
        The store.
    run_a, run_b : str
        Two training runs; the first is the control.
    out : path or binary stream
        As in `recommend`.
    k : int
        Items a user.
    method : {"team-draft", "balanced", "probabilistic"}
        How lists are merged.
    seed : int, optional
        With the user's id it decides the coins; by default a new one, which is recorded.
    users, since, history, on_unknown, eligibility, at, format, n_threads, progress
        As in `recommend`; both models serve the same users by the same rules at the same instant.

    Raises
    ------
    ArgumentError
        An argument is not usable, or both runs are one.
    DataError
        A row would break the eligibility; nothing is written.
    """
    job = Job(store, "interleave")
    positive_int("k", k, maximum=10_000)
    one_of("method", method, METHODS)
    seed = derived_int(None) if seed is None else positive_int("seed", seed, minimum=0)
    writer = open_sink(out, format, job.run_id)
    at = utc_now() if at is None else at
    pair = [prepare_serving(store, run, history, on_unknown, eligibility, at) for run in (run_a, run_b)]
    names = _names(pair)
    audiences = [find_audience(store, serving, users, since) for serving in pair]
    asked = Vocabulary.from_ids(*(ids for ids, _ in audiences)).ids.rename("user_id")
    warnings = [text for serving in pair for text in serving.warnings]
    warnings += [text for _, dropped in audiences for text in dropped]
    if not len(asked):
        warnings.append("nobody was asked for: there are no rows")
    served = 0
    with writer:
        for chunk, done in user_chunks(asked, k):
            lists = [serving.lists(chunk, k, n_threads) for serving in pair]
            warnings += [text for each in lists for text in each.warnings]
            frames = [serving.checked(each) for serving, each in zip(pair, lists, strict=True)]
            merged = experiment.interleave(*frames, k=k, method=method, names=names, seed=seed)
            served += len(merged)
            writer.write(merged.to_polars())
            progress(Progress("interleave", done, len(asked), "users"))
        told = {"method": method, "k": k, "seed": seed, "names": list(names), "rows": writer.rows, "users": served}
        checksum = writer.publish(lambda sha256: _manifest(job, pair, writer.name, told, sha256))
    named, beside = (STREAM, None) if writer.manifest is None else (str(out), str(writer.manifest))
    summary = InterleaveSummary(named, beside, writer.rows, served, len(asked) - served, method, k, seed, checksum)
    recorded = job.record(
        recipe={
            **told,
            "runs": [serving.run.run_id for serving in pair],
            "since": None if since is None else str(since),
            "history": history,
            "on_unknown": on_unknown,
            "eligibility": None if eligibility is None else repr(eligibility),
            "at": str(at),
            "format": writer.kind,
            "out": writer.name,
        },
        seed=seed,
        parents=tuple(serving.run.run_id for serving in pair),
        metrics={"rows": float(writer.rows), "users": float(served)},
        result=summary.to_dict(),
        view=View(str(summary)),
        warnings=warnings,
    )
    for warning in recorded.warnings:
        logger.warning(warning)
    return Recorded(recorded, summary)


def analyze_interleaving(
    store: Store,
    lists: object,
    *,
    clicks: object = None,
    event: str | None = None,
    since: str | datetime | None = None,
    until: str | datetime | None = None,
    value: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Recorded[InterleavingResult]:
    """Return which of two interleaved models users prefer, and record it.

    Parameters
    ----------
    store : Store
        The store.
    lists : path or frame
        What `interleave` wrote; a manifest beside the file says the names of the models.
    clicks : frame, optional
        user_id, item_id, [request_id]. Default: events of the store.
    event : str, optional
        Of the store's events: only this kind.
    since, until : datetime or ISO text, optional
        Of the store's events: while the lists were shown (UTC, half-open). `since` is needed: what users did with the
        items before says nothing of the lists.
    value : str, optional
        A column that counts instead of 1.
    confidence : float
        Of the intervals: 0.95 is 95 %.
    seed : int
        Of the bootstrap.

    Raises
    ------
    NotFoundError
        There is no such file or column.
    ArgumentError
        Events of the store are asked for without `since`.
    DataError
        Lists or clicks cannot be used, or the file is not the one that its manifest describes.
    """
    job = Job(store, "interleave-analysis")
    told: dict[str, Any] = {}
    if isinstance(lists, str | PathLike):
        lists, told = read_lists(Path(lists))
    if clicks is None:
        if since is None:
            raise ArgumentError(
                "since is missing", "the time from which the lists were shown was expected", "since='2026-06-01'"
            )
        begin, end = instant_micros("since", since), None if until is None else instant_micros("until", until)
        if end is not None and end <= begin:
            raise ArgumentError(f"since is {since} and until is {until}", "an until after since was expected")
        columns = ["user_id", "item_id", *([] if value is None else [value])]
        clicks = store.events(since=since, until=until, event=event, columns=columns)
        if not len(clicks):
            kinds = store.events(columns=["event"])["event"].drop_nulls().unique().to_list()
            raise DataError(
                f"there are no events{'' if event is None else f' of the kind {event!r}'} from {since}"
                f"{'' if until is None else f' to {until}'}",
                "events from when the lists were shown were expected",
                "" if event is None else did_you_mean(event, kinds),
            )
        lists = ids_alike(lists, clicks)
    elif event is not None or since is not None or until is not None:
        raise ArgumentError("clicks are given with event, since or until", "one of both was expected")
    else:
        clicks = ids_alike(clicks, lists, numbers=() if value is None else (value,))
    names = tuple(told["names"]) if "names" in told else None
    result = experiment.analyze_interleaving(lists, clicks, value=value, names=names, confidence=confidence, seed=seed)
    found = result.preference
    recorded = job.record(
        recipe={
            "lists": told,
            "event": event,
            "since": None if since is None else str(since),
            "until": None if until is None else str(until),
            "value": value,
            "confidence": confidence,
        },
        seed=seed,
        parents=tuple(told.get("model_runs", ())),
        metrics={"preference": found.estimate, "users": float(result.users)} if found.status == "ok" else {},
        result=result.to_dict(),
        view=result.view(),
        warnings=result.warnings,
    )
    return Recorded(recorded, result)


def _names(pair: list[Serving]) -> tuple[str, str]:
    """Return what the two models are called: by model where that tells them apart, else with the run's id."""
    a, b = pair
    if a.run.run_id == b.run.run_id:
        raise ArgumentError(f"both runs are {a.run.run_id}", "two different runs were expected")
    models = [str(each.run.recipe["model"]) for each in pair]
    if models[0] != models[1]:
        return models[0], models[1]
    return f"{models[0]} {a.run.run_id[:8]}", f"{models[1]} {b.run.run_id[:8]}"


def _manifest(job: Job, pair: list[Serving], name: str, told: dict[str, Any], checksum: str) -> dict[str, Any]:
    return {
        "schema": "recsys/interleaving/1",
        "file": Path(name).name,
        "sha256": checksum,
        **told,
        "run": job.run_id,
        "model_runs": [serving.run.run_id for serving in pair],
        "created": utc_now().isoformat(timespec="seconds"),
    }
