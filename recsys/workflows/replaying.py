"""`replay`: what policies would have earned on the impressions of the store, or of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from recsys import ope
from recsys.core.errors import ArgumentError, DataError
from recsys.core.progress import ProgressCallback, silent
from recsys.core.times import from_micros, parse_instant
from recsys.ope import LoggedFeedback, Policy, Replay
from recsys.ope.entering import one_reward
from recsys.store import Run
from recsys.store.schema import high_water
from recsys.workflows.logged_files import read_items, read_log
from recsys.workflows.recording import Job, Recorded
from recsys.workflows.replay_policies import Asked, Serving, policies_of

if TYPE_CHECKING:
    import polars as pl

    from recsys.scoring import Eligibility
    from recsys.scoring.exploring import Explorer
    from recsys.store import Store

Instant = str | datetime | date


class _Done(NamedTuple):
    """A replay, and what is recorded of it."""

    found: Replay
    asked: Asked
    begin: datetime | None
    mark: int | None
    warnings: tuple[str, ...]


def replay(
    store: Store,
    policies: str | Run | Sequence[str | Run],
    *,
    log: str | Path | None = None,
    since: Instant | None = None,
    until: Instant | None = None,
    reward: str | Sequence[str] | None = None,
    versions: Sequence[str] = (),
    compare: bool = False,
    k: int | None = None,
    explore: Explorer | None = None,
    eligibility: Eligibility | None = None,
    exclude_seen: bool = True,
    event: str | None = None,
    categories: str | Path | None = None,
    category: str | None = None,
    logger: str | None = None,
    progress: ProgressCallback = silent,
    **options: Any,
) -> Recorded[Replay]:
    """Value policies on logged impressions, each user served with the history as of the request.

    Parameters
    ----------
    store : Store
        The store.
    policies : str or Run, or sequence of them
        Training runs; ``"uniform"``, any item of the log (with `eligibility`: that is open to the user);
        ``"popularity"``, by the store's events before the log; or a file: item_id, probability and any columns that it
        depends on; item_id and popularity; or a log of another policy, taken to show items as often as it did at each
        position.
    log : str or Path, optional
        A file of impressions, or the Open Bandit data as it is downloaded. Default: the store's impressions.
    since, until : str, datetime or date, optional
        Which impressions, half-open (UTC). Default: all that are later than what any of the models has learned from.
    reward : str or sequence of str, optional
        Columns of the impressions; the first one decides. Default: the one that is a number.
    versions : sequence of str
        Only what these policies (``policy`` or ``policy/policy_version``) have shown.
    compare : bool
        Hold the policies against the first one, and not against what the log has earned.
    k : int, optional
        Slots of a list. Default: the positions of the log.
    explore : EpsilonGreedy or PlackettLuce, optional
        How lists are drawn. Default: as the model does, else its best items.
    eligibility : Eligibility, optional
        What may be shown to whom, as of the request.
    exclude_seen : bool
        Leave out what a user had before the request.
    event : str, optional
        The kind of event that ``"popularity"`` counts. Default: that of the models.
    categories : str or Path, optional
        A file with item_id and a category, for the estimator ``mips``.
    category : str, optional
        The column of it. Default: ``category``, else the only one.
    logger : str, optional
        The policy that wrote the log, for ``mips``: ``"uniform"`` or a file.
    progress : callable, optional
        Told of every policy.
    **options
        estimator, estimand, interval, confidence, correction, parameters, bound, lowest, reward_range, replicates,
        seed, limits: see `recsys.ope.replay`.

    Raises
    ------
    NotFoundError
        There is no such run, file or reward.
    ArgumentError
        Several columns may be the reward.
    DataError
        There are no impressions in that time, they break a demand, or a model has learned from them.
    """
    job = Job(store, "replay")
    serving = Serving(k, explore, eligibility, exclude_seen, event)
    span = _Span(since, until, tuple(versions))
    extra = _Extra(categories, category, logger)
    done = _replay(store, policies, log, span, serving, reward, compare, extra, progress, options)
    runs, found = done.asked.runs, done.found
    throughs = [run.trained_through for run in runs.values() if run.trained_through is not None]
    run = job.record(
        recipe={
            "policies": list(done.asked.named),
            "runs": [run.run_id for run in runs.values()],
            "models": {name: run.run_id for name, run in runs.items()},
            "log": None if log is None else str(log),
            "since": None if done.begin is None else done.begin.isoformat(),
            "until": None if until is None else parse_instant("until", until).isoformat(),
            "versions": list(versions),
            "rewards": [one.reward for one in found.logged],
            "compare": compare,
            "k": k,
            "explore": None if explore is None else explore.to_dict(),
            "eligibility": None if eligibility is None else repr(eligibility),
            "exclude_seen": exclude_seen,
            "event": event,
            "categories": None if categories is None else str(categories),
            "category": category,
            "logger": logger,
            "high_water": done.mark,
            **{name: _plain(value) for name, value in options.items()},
        },
        parents=[run.run_id for run in runs.values()],
        seed=options.get("seed", 0),
        trained_through=max(throughs, default=None),
        metrics=_numbers(found),
        result=found.to_dict(),
        view=found.view(),
        warnings=(*done.warnings, *found.warnings),
    )
    return Recorded(run, found)


def replay_file(
    policies: str | Sequence[str],
    log: str | Path,
    *,
    since: Instant | None = None,
    until: Instant | None = None,
    reward: str | Sequence[str] | None = None,
    versions: Sequence[str] = (),
    compare: bool = False,
    k: int | None = None,
    explore: Explorer | None = None,
    eligibility: Eligibility | None = None,
    categories: str | Path | None = None,
    category: str | None = None,
    logger: str | None = None,
    progress: ProgressCallback = silent,
    **options: Any,
) -> Replay:
    """Value ``"uniform"`` and policies in files on a log in a file, without a store: nothing is recorded.

    Parameters and errors are those of `replay`.

    Parameters
    ----------
    policies : str or sequence of str
        ``"uniform"``, or files: see `replay`.
    log : str or Path
        A file of impressions, or the Open Bandit data as it is downloaded.
    since, until : str, datetime or date, optional
        Which impressions, half-open (UTC). Default: all.
    reward : str or sequence of str, optional
        Columns of the impressions; the first one decides. Default: the one that is a number.
    versions : sequence of str
        Only what these policies have shown.
    compare : bool
        Hold the policies against the first one, and not against what the log has earned.
    k : int, optional
        Slots of a list. Default: the positions of the log.
    explore : EpsilonGreedy or PlackettLuce, optional
        How lists are drawn.
    eligibility : Eligibility, optional
        What may be shown to whom, as of the request.
    categories, category, logger : optional
        Of the estimator ``mips``: a file of categories, its column, and who wrote the log; see `replay`.
    progress : callable, optional
        Told of every policy.
    **options
        As of `replay`.
    """
    serving = Serving(k, explore, eligibility, False, None)
    span = _Span(since, until, tuple(versions))
    extra = _Extra(categories, category, logger)
    return _replay(None, policies, log, span, serving, reward, compare, extra, progress, options).found


class _Extra(NamedTuple):
    """What MIPS asks for."""

    categories: str | Path | None
    category: str | None
    logger: str | None


class _Span(NamedTuple):
    """Which part of a log."""

    since: Instant | None
    until: Instant | None
    versions: tuple[str, ...]


def _replay(
    store: Store | None,
    policies: str | Run | Sequence[str | Run],
    log: str | Path | None,
    span: _Span,
    serving: Serving,
    reward: str | Sequence[str] | None,
    compare: bool,
    extra: _Extra,
    progress: ProgressCallback,
    options: Mapping[str, Any],
) -> _Done:
    asked = Asked.of(store, policies)
    if compare and len(asked.named) < 2:
        raise ArgumentError("compare has one policy", "two or more were expected", "leave compare out")
    begin = _begin(list(asked.runs.values()), span.since)
    mark = None if store is None else _high_water(store)
    if log is None:
        rows = log_of_store(_needed(store), begin, span.until, span.since is None)
        feedback = LoggedFeedback.from_frame(rows, reward=one_reward(rows, reward))
    else:
        feedback = _of_file(log, begin, span, reward)
    if span.versions:
        feedback = feedback.of_versions(*span.versions)
    made, told = policies_of(store, asked, feedback, serving, mark)
    baseline = next(iter(made)) if compare else "logged"
    known: dict[str, Any] = {
        "categories": None if extra.categories is None else read_items(extra.categories),
        "category": extra.category,
        "logger": None if extra.logger is None else _logger(extra.logger, store, feedback, serving, mark),
    }
    found = ope.replay(made, feedback, reward=reward, baseline=baseline, progress=progress, **known, **options)
    return _Done(replace(found, notes=(*found.notes, *told)), asked, begin, mark, told)


def _logger(word: str, store: Store | None, feedback: LoggedFeedback, serving: Serving, mark: int | None) -> Policy:
    """Return the policy that wrote the log."""
    made, _ = policies_of(store, Asked.of(store, word), feedback, serving, mark)
    return next(iter(made.values()))


def _needed(store: Store | None) -> Store:
    if store is None:
        raise ArgumentError("there is neither a store nor a log", "one of them was expected")
    return store


def _high_water(store: Store) -> int:
    with store.read() as con:
        return high_water(con)


def _of_file(
    log: str | Path, begin: datetime | None, span: _Span, reward: str | Sequence[str] | None
) -> LoggedFeedback:
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
        raise _no_impressions(str(log), begin, span.until, (first, last), span.since is None)
    return kept


def _begin(trained: Sequence[Run], since: Instant | None) -> datetime | None:
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


def log_of_store(store: Store, since: datetime | None, until: Instant | None, trained: bool) -> pl.DataFrame:
    """Return the store's impressions of a time; refuse a time without any, saying when there are some."""
    rows = store.impressions(since=since, until=until)
    if not rows.is_empty():
        return rows
    every = store.impressions()["ts"]
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


def _numbers(found: Replay) -> dict[str, float | None]:
    return {
        f"{one.policy} {one.reward} {one.estimator}": one.value if one.value == one.value else None
        for one in (*found.logged, *found.estimates)
    }


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float | str) else _words(value)


def _words(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else repr(value)
