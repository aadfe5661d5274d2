"""Which impressions a replay is made on: those of the store, or of a file, later than what its models have learned."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from recsys.core.errors import ArgumentError, DataError
from recsys.core.times import from_micros, parse_instant
from recsys.ope import LoggedFeedback
from recsys.ope.entering import one_reward
from recsys.store import Run
from recsys.store.reading import read_rows
from recsys.workflows.logged_files import read_log

if TYPE_CHECKING:
    import polars as pl

    from recsys.store import Store

Instant = str | datetime | date


class Span(NamedTuple):
    """Which part of a log."""

    since: Instant | None
    until: Instant | None
    versions: tuple[str, ...]


def log_of(
    store: Store | None,
    log: str | Path | None,
    begin: datetime | None,
    span: Span,
    reward: str | Sequence[str] | None,
    mark: int | None,
) -> LoggedFeedback:
    """Return the log of a file, or of the store as of a high-water mark, from a time on."""
    if log is not None:
        feedback = _of_file(log, begin, span, reward)
    elif store is not None:
        rows = log_of_store(store, begin, span.until, span.since is None, mark)
        feedback = LoggedFeedback.from_frame(rows, reward=one_reward(rows, reward))
    else:
        raise ArgumentError("there is neither a store nor a log", "one of them was expected")
    return feedback.of_versions(*span.versions) if span.versions else feedback


def _of_file(log: str | Path, begin: datetime | None, span: Span, reward: str | Sequence[str] | None) -> LoggedFeedback:
    rows = read_log(log)
    feedback = LoggedFeedback.from_frame(rows, reward=one_reward(rows, reward))
    if begin is None and span.until is None:
        return feedback
    if feedback.times is None:
        if span.since is None and span.until is None:  # models say so themselves, by their checks
            return feedback
        raise DataError(f"{log} has no column ts", "times were expected with since and until")
    kept = feedback.period(begin, span.until)
    if not len(kept):
        first, last = (from_micros(int(edge)) for edge in (feedback.times.min(), feedback.times.max()))
        raise _no_impressions(str(log), begin, span.until, (first, last), begin is not None and span.since is None)
    return kept


def begin_of(trained: Sequence[Run], since: Instant | None) -> datetime | None:
    """Return when the impressions begin: from where no model has learned; None when the data of none has times."""
    throughs = [run.trained_through for run in trained if run.trained_through is not None]
    earliest = max(throughs) + timedelta(microseconds=1) if throughs else None
    if since is None:
        return earliest
    asked = parse_instant("since", since)
    if earliest is not None and asked < earliest:
        raise DataError(
            f"since is {asked:%Y-%m-%d %H:%M}, and the models have learned from events up to"
            f" {max(throughs):%Y-%m-%d %H:%M}",
            "impressions later than all training were expected",
            f"leave since out, or train on less: recsys train {trained[0].recipe['model']} --until {asked:%Y-%m-%d}",
        )
    return asked


def log_of_store(
    store: Store, since: datetime | None, until: Instant | None, trained: bool, mark: int | None
) -> pl.DataFrame:
    """Return the store's impressions of a time; refuse a time without any, saying when there are some."""
    with store.read() as con:
        rows = read_rows(con, "impressions", since=since, until=until, mark=mark)
        if not rows.is_empty():
            return rows
        every = read_rows(con, "impressions", mark=mark, columns=["ts"])["ts"]
    first, last = every.min(), every.max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        raise DataError(
            "the store has no impressions",
            "a log of what was shown, and how probable it was, is needed to replay a policy",
            "recsys ingest impressions FILE, or name a log: --log FILE",
        )
    raise _no_impressions("the store", since, until, (first, last), trained and since is not None)


def _no_impressions(
    where: str, since: datetime | None, until: Instant | None, edges: tuple[datetime, datetime], trained: bool
) -> DataError:
    """Return the error, where models have learned with a cut that leaves the last quarter of the log."""
    first, last = edges
    span = " ".join([*([f"since {since:%Y-%m-%d %H:%M}"] if since else []), *([f"until {until}"] if until else [])])
    cut = first + (last - first) * 0.75
    found = f"{where} has no impressions {span}: they are from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}"
    if not trained:
        return DataError(found, "a time in between was expected")
    return DataError(
        found,
        "impressions later than the training were expected",
        f"train on less (recsys train MODEL --until {cut:%Y-%m-%d}), or ingest newer impressions",
    )
