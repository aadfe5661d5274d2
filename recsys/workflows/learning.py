"""`replay_learning`: what policies that learn while they serve would have earned on a log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys import ope
from recsys.core.checks import did_you_mean
from recsys.core.errors import ArgumentError, NotFoundError
from recsys.core.progress import ProgressCallback, silent
from recsys.core.times import parse_instant
from recsys.models.names import MODELS
from recsys.models.registry import make_model
from recsys.ope.learning import BetaThompson, GreedyLearner, LearningReplay, LinearThompson, LinUCB, RefittedRecommender
from recsys.store import Run
from recsys.workflows.recording import Job, Recorded
from recsys.workflows.replay_logs import Instant, Span, log_of
from recsys.workflows.replay_questions import LearningQuestion

if TYPE_CHECKING:
    from recsys.store import Store

_MAKERS: dict[str, Callable[..., Any]] = {
    "linucb": LinUCB,
    "linear-thompson": LinearThompson,
    "thompson": BetaThompson,
    "epsilon-greedy": GreedyLearner,
}
LEARNERS = tuple(_MAKERS)
_CONTEXTUAL = ("linucb", "linear-thompson", "epsilon-greedy")


def replay_learning(
    store: Store,
    policies: str | Sequence[str],
    *,
    log: str | Path | None = None,
    since: Instant | None = None,
    until: Instant | None = None,
    reward: str | None = None,
    versions: Sequence[str] = (),
    context: Sequence[str] = (),
    params: Mapping[str, float] | None = None,
    progress: ProgressCallback = silent,
    **options: Any,
) -> Recorded[LearningReplay]:
    """Replay learning policies on logged impressions, and record it as a run.

    Parameters
    ----------
    store : Store
        The store.
    policies : str or sequence of str
        ``"linucb"``, ``"linear-thompson"``, ``"thompson"``, ``"epsilon-greedy"``, or a model that is refitted.
    log : str or Path, optional
        A file of impressions, or the Open Bandit data as it is downloaded. Default: the store's impressions.
    since, until : str, datetime or date, optional
        Which impressions, half-open (UTC).
    reward : str, optional
        Default: the one column that is a number.
    versions : sequence of str
        Only what these policies have shown.
    context : sequence of str
        Columns that `linucb`, `linear-thompson` and `epsilon-greedy` look at.
    params : mapping of str to float, optional
        ``alpha``, ``scale``, ``epsilon``, ``ridge``: for the policies that have such a parameter.
    progress : callable, optional
        Told how far the work is.
    **options
        position, delay, update_every, floor, capped, expand, replicates, horizon, jitter, scale_on, confidence, seed,
        limits: see `recsys.ope.replay_learning`.

    Raises
    ------
    NotFoundError
        There is no such policy, file, reward or context.
    ArgumentError
        No policy has such a parameter, or several columns may be the reward.
    DataError
        There are no impressions in that time, or they break a demand.
    """
    span = Span(since, until, tuple(versions))
    question = LearningQuestion(policies, log, span, reward, tuple(context), params or {}, options)
    return _record(store, question, progress)


def replay_learning_like(store: Store, old: Run, progress: ProgressCallback = silent) -> Recorded[LearningReplay]:
    """Replay once more as a run did, on what the store knew then.

    Raises
    ------
    ArgumentError
        The run does not tell all that it was asked.
    """
    return _record(store, LearningQuestion.of_run(old), progress)


def _record(store: Store, question: LearningQuestion, progress: ProgressCallback) -> Recorded[LearningReplay]:
    job, question = Job(store, "replay-learning"), question.as_of_now(store)
    found = _answer(store, question, progress)
    run = job.record(
        recipe={**question.recipe(), "policies": list(found.policies), "reward": found.reward},
        seed=question.options.get("seed", 0),
        metrics={f"{one.policy} {one.reward}": one.value if one.value == one.value else None
                 for one in (found.logged, *found.estimates)},
        result=found.to_dict(),
        view=found.view(),
        warnings=found.warnings,
    )  # fmt: skip
    return Recorded(run, found)


def replay_learning_file(
    policies: str | Sequence[str],
    log: str | Path,
    *,
    since: Instant | None = None,
    until: Instant | None = None,
    reward: str | None = None,
    versions: Sequence[str] = (),
    context: Sequence[str] = (),
    params: Mapping[str, float] | None = None,
    progress: ProgressCallback = silent,
    **options: Any,
) -> LearningReplay:
    """Replay learning policies on a log in a file, without a store: nothing is recorded.

    Parameters and errors are those of `replay_learning`.

    Parameters
    ----------
    policies : str or sequence of str
        By their words: see `replay_learning`.
    log : str or Path
        A file of impressions, or the Open Bandit data as it is downloaded.
    since, until : str, datetime or date, optional
        Which impressions, half-open (UTC).
    reward : str, optional
        Default: the one column that is a number.
    versions : sequence of str
        Only what these policies have shown.
    context : sequence of str
        Columns that `linucb`, `linear-thompson` and `epsilon-greedy` look at.
    params : mapping of str to float, optional
        ``alpha``, ``scale``, ``epsilon``, ``ridge``: for the policies that have such a parameter.
    progress : callable, optional
        Told of every policy.
    **options
        As of `replay_learning`.
    """
    span = Span(since, until, tuple(versions))
    return _answer(None, LearningQuestion(policies, log, span, reward, tuple(context), params or {}, options), progress)


def learners_from(
    words: str | Sequence[str], context: Sequence[str] = (), params: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """Return learning policies by their words.

    Examples
    --------
    >>> learners_from(["linucb", "thompson"], ["age"], {"alpha": 0.5})["linucb"]
    LinUCB(context=('age',), alpha=0.5, ridge=1.0, label='linucb')
    """
    names = (words,) if isinstance(words, str) else tuple(words)
    given, used = dict(params or {}), set[str]()
    found: dict[str, Any] = {}
    for name in names:
        if name not in _MAKERS and name not in MODELS:
            known = (*LEARNERS, *MODELS)
            raise NotFoundError(
                f"there is no learning policy {name!r}", f"one of {', '.join(known)} was expected",
                did_you_mean(name, known),
            )  # fmt: skip
        maker = _MAKERS.get(name, RefittedRecommender)
        own = {key: value for key, value in given.items() if key in signature(maker).parameters}
        used |= own.keys()
        if name in MODELS:
            found[name] = maker(make_model(name), **own)
        else:
            found[name] = maker(**({"context": tuple(context)} if name in _CONTEXTUAL else {}), **own)
    unused = [key for key in given if key not in used]
    if unused:
        raise ArgumentError(f"no policy here has the parameter {', '.join(unused)}", "one of alpha, scale, epsilon and"
                            " ridge, of a policy that has it, was expected")  # fmt: skip
    if context and not set(names) & set(_CONTEXTUAL):
        raise ArgumentError(f"context is given, and {', '.join(names)} looks at none",
                            f"one of {', '.join(_CONTEXTUAL)} was expected")  # fmt: skip
    return found


def _answer(store: Store | None, question: LearningQuestion, progress: ProgressCallback) -> LearningReplay:
    learners = learners_from(question.policies, question.context, question.params)
    since = question.span.since
    begin = None if since is None else parse_instant("since", since)
    feedback = log_of(store, question.log, begin, question.span, question.reward, question.high_water)
    return ope.replay_learning(learners, feedback, reward=question.reward, progress=progress, **question.options)
