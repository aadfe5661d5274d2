"""`replay`: what policies would have earned on the impressions of the store, or of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from recsys import ope
from recsys.core.errors import ArgumentError
from recsys.core.progress import ProgressCallback, silent
from recsys.core.times import parse_instant
from recsys.ope import Limits, LoggedFeedback, Policy, Replay
from recsys.scoring.named import make_explorer
from recsys.store import Run
from recsys.store.schema import high_water
from recsys.workflows.logged_files import read_items
from recsys.workflows.recording import Job, Recorded
from recsys.workflows.replay_logs import Instant, Span, begin_of, log_of
from recsys.workflows.replay_policies import Asked, Serving, policies_of

if TYPE_CHECKING:
    from recsys.scoring import Eligibility
    from recsys.scoring.exploring import Explorer
    from recsys.store import Store

_ASKED = (
    "policies", "words", "runs", "models", "log", "since", "until", "versions", "rewards", "compare", "k", "explore",
    "eligibility", "exclude_seen", "event", "categories", "category", "logger", "high_water",
)  # fmt: skip


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
    serving = Serving(k, explore, eligibility, exclude_seen, event)
    span, extra = Span(since, until, tuple(versions)), _Extra(categories, category, logger)
    return _recorded(store, policies, log, span, serving, reward, compare, extra, progress, options)


def replay_like(store: Store, old: Run, progress: ProgressCallback = silent) -> Recorded[Replay]:
    """Replay once more as a run did, on what the store knew then.

    Raises
    ------
    ArgumentError
        The run does not tell all that it was asked.
    """
    recipe = old.recipe
    if "words" not in recipe or isinstance(recipe.get("limits"), str):
        raise ArgumentError(
            f"run {old.run_id} does not tell all that it was asked", "a replay of this version was expected",
            "replay again: recsys replay",
        )  # fmt: skip
    options = {name: value for name, value in recipe.items() if name not in _ASKED}
    if options.get("limits") is not None:
        options["limits"] = Limits(**options["limits"])
    explore = None if recipe["explore"] is None else make_explorer(
        **{name: value for name, value in recipe["explore"].items() if name != "name" and value is not None}
    )  # fmt: skip
    serving = Serving(recipe["k"], explore, None, recipe["exclude_seen"], recipe["event"])
    begin = begin_of([store.run(one) for one in recipe["runs"]], None)
    since = None if begin is not None and begin.isoformat() == recipe["since"] else recipe["since"]
    span = Span(since, recipe["until"], tuple(recipe["versions"]), old.created_at)
    extra = _Extra(recipe["categories"], recipe["category"], recipe["logger"])
    return _recorded(store, recipe["words"], recipe["log"], span, serving, recipe["rewards"], recipe["compare"], extra,
                     progress, options, recipe["high_water"])  # fmt: skip


def _recorded(
    store: Store,
    policies: str | Run | Sequence[str | Run],
    log: str | Path | None,
    span: Span,
    serving: Serving,
    reward: str | Sequence[str] | None,
    compare: bool,
    extra: _Extra,
    progress: ProgressCallback,
    options: Mapping[str, Any],
    mark: int | None = None,
) -> Recorded[Replay]:
    job = Job(store, "replay")
    done = _replay(store, policies, log, span, serving, reward, compare, extra, progress, options, mark)
    runs, found = done.asked.runs, done.found
    throughs = [run.trained_through for run in runs.values() if run.trained_through is not None]
    run = job.record(
        recipe={
            "policies": list(done.asked.named),
            "words": [one.run_id if isinstance(one, Run) else str(one) for one in done.asked.named.values()],
            "runs": [run.run_id for run in runs.values()],
            "models": {name: run.run_id for name, run in runs.items()},
            "log": None if log is None else str(log),
            "since": None if done.begin is None else done.begin.isoformat(),
            "until": None if span.until is None else parse_instant("until", span.until).isoformat(),
            "versions": list(span.versions),
            "rewards": [one.reward for one in found.logged],
            "compare": compare,
            "k": serving.k,
            "explore": None if serving.explore is None else serving.explore.to_dict(),
            "eligibility": None if serving.eligibility is None else repr(serving.eligibility),
            "exclude_seen": serving.exclude_seen,
            "event": serving.event,
            "categories": None if extra.categories is None else str(extra.categories),
            "category": extra.category,
            "logger": extra.logger,
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
    span = Span(since, until, tuple(versions))
    extra = _Extra(categories, category, logger)
    return _replay(None, policies, log, span, serving, reward, compare, extra, progress, options).found


class _Extra(NamedTuple):
    """What MIPS asks for."""

    categories: str | Path | None
    category: str | None
    logger: str | None


def _replay(
    store: Store | None,
    policies: str | Run | Sequence[str | Run],
    log: str | Path | None,
    span: Span,
    serving: Serving,
    reward: str | Sequence[str] | None,
    compare: bool,
    extra: _Extra,
    progress: ProgressCallback,
    options: Mapping[str, Any],
    mark: int | None = None,
) -> _Done:
    asked = Asked.of(store, policies)
    if compare and len(asked.named) < 2:
        raise ArgumentError("compare has one policy", "two or more were expected", "leave compare out")
    begin = begin_of(list(asked.runs.values()), span.since)
    if mark is None and store is not None:
        mark = _high_water(store)
    feedback = log_of(store, log, begin, span, reward)
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


def _high_water(store: Store) -> int:
    with store.read() as con:
        return high_water(con)


def _numbers(found: Replay) -> dict[str, float | None]:
    return {
        f"{one.policy} {one.reward} {one.estimator}": one.value if one.value == one.value else None
        for one in (*found.logged, *found.estimates)
    }


def _plain(value: object) -> object:
    if isinstance(value, Limits):
        return asdict(value)
    return value if value is None or isinstance(value, bool | int | float | str) else _words(value)


def _words(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else repr(value)
