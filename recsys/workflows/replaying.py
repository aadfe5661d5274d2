"""`replay`: what policies would have earned on the impressions of the store, or of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from recsys import ope
from recsys.core.errors import ArgumentError
from recsys.core.progress import ProgressCallback, silent
from recsys.ope import LoggedFeedback, Policy, Replay
from recsys.store import Run
from recsys.workflows.logged_files import read_items
from recsys.workflows.recording import Job, Recorded
from recsys.workflows.replay_logs import Instant, Span, begin_of, log_of
from recsys.workflows.replay_policies import Asked, Serving, policies_of
from recsys.workflows.replay_questions import ForMips, Question

if TYPE_CHECKING:
    from recsys.scoring import Eligibility
    from recsys.scoring.exploring import Explorer
    from recsys.store import Store


class _Answer(NamedTuple):
    """A replay, and what else is recorded of it."""

    found: Replay
    asked: Asked
    logger: Asked | None
    begin: datetime | None
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
    span, mips = Span(since, until, tuple(versions)), ForMips(categories, category, logger)
    return _record(store, Question(policies, log, span, serving, reward, compare, mips, options), progress)


def replay_like(store: Store, old: Run, progress: ProgressCallback = silent) -> Recorded[Replay]:
    """Replay once more as a run did, on what the store knew then.

    Raises
    ------
    ArgumentError
        The run does not tell all that it was asked.
    """
    return _record(store, Question.of_run(store, old), progress)


def _record(store: Store, question: Question, progress: ProgressCallback) -> Recorded[Replay]:
    job, question = Job(store, "replay"), question.as_of_now(store)
    answer = _answer(store, question, progress)
    runs, found = answer.asked.runs, answer.found
    throughs = [run.trained_through for run in runs.values() if run.trained_through is not None]
    run = job.record(
        recipe={
            **question.recipe(),
            "policies": list(answer.asked.named),
            "words": answer.asked.words,
            "runs": [run.run_id for run in runs.values()],
            "models": {name: run.run_id for name, run in runs.items()},
            "since": None if answer.begin is None else answer.begin.isoformat(),
            "rewards": [one.reward for one in found.logged],
            "logger": None if answer.logger is None else answer.logger.words[0],
        },
        parents=[run.run_id for run in runs.values()],
        seed=question.options.get("seed", 0),
        trained_through=max(throughs, default=None),
        metrics=_numbers(found),
        result=found.to_dict(),
        view=found.view(),
        warnings=(*answer.warnings, *found.warnings),
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
    span, mips = Span(since, until, tuple(versions)), ForMips(categories, category, logger)
    return _answer(None, Question(policies, log, span, serving, reward, compare, mips, options), progress).found


def _answer(store: Store | None, question: Question, progress: ProgressCallback) -> _Answer:
    asked = Asked.of(store, question.policies)
    if question.compare and len(asked.named) < 2:
        raise ArgumentError("compare has one policy", "two or more were expected", "leave compare out")
    begin = begin_of(list(asked.runs.values()), question.span.since)
    mark, mips = question.high_water, question.mips
    logger = None if mips.logger is None else Asked.of(store, mips.logger)
    feedback = log_of(store, question.log, begin, question.span, question.reward, mark)
    made, told = policies_of(store, asked, feedback, question.serving, mark)
    known: dict[str, Any] = {
        "categories": None if mips.categories is None else read_items(mips.categories),
        "category": mips.category,
        "logger": None if logger is None else _logger(logger, store, feedback, question.serving, mark),
    }
    baseline = next(iter(made)) if question.compare else "logged"
    found = ope.replay(
        made, feedback, reward=question.reward, baseline=baseline, progress=progress, **known, **question.options
    )
    return _Answer(replace(found, notes=(*found.notes, *told)), asked, logger, begin, told)


def _logger(asked: Asked, store: Store | None, feedback: LoggedFeedback, serving: Serving, mark: int | None) -> Policy:
    """Return the policy that wrote the log."""
    made, _ = policies_of(store, asked, feedback, serving, mark)
    return next(iter(made.values()))


def _numbers(found: Replay) -> dict[str, float | None]:
    return {
        f"{one.policy} {one.reward} {one.estimator}": one.value if one.value == one.value else None
        for one in (*found.logged, *found.estimates)
    }
