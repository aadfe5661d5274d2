"""`tune`: find the hyper-parameters that do best on a part of the training period."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from recsys.core.checks import finite_float, positive_int
from recsys.core.errors import ArgumentError
from recsys.core.progress import ProgressCallback, silent
from recsys.core.seeds import derived_int
from recsys.core.times import duration_micros
from recsys.dataset import Dataset, Split
from recsys.display import counted
from recsys.evaluation.evaluating import Options
from recsys.evaluation.population import OnCold
from recsys.evaluation.proposing import Rotation
from recsys.evaluation.rungs import make_rungs
from recsys.evaluation.searching import BATCH, Search
from recsys.evaluation.tuning_parts import (
    Models,
    SamplerName,
    candidates_of,
    conventions_of,
    proposers_of,
    validation_of,
)
from recsys.evaluation.tuning_result import Trial, Tuning, nothing_finished
from recsys.metrics import MetricSpec, parse_metric
from recsys.models.space_words import Wish
from recsys.scoring import Eligibility


def tune(
    models: Models,
    train: Dataset,
    *,
    metric: str = "ndcg@10",
    trials: int = 30,
    seed: int = 0,
    space: Mapping[str, Wish] | None = None,
    validation: str | float | Split = 0.2,
    sampler: SamplerName | None = None,
    rung_users: int | None = 1000,
    jobs: int = 1,
    timeout: str | None = None,
    on_cold: OnCold = "fallback",
    eligibility: Eligibility | None = None,
    exclude_seen: bool = True,
    confidence: float = 0.95,
    known: Sequence[Trial] = (),
    on_trial: Callable[[Trial], None] | None = None,
    progress: ProgressCallback = silent,
) -> Tuning:
    """Try hyper-parameters of one or several models, and measure each on a part of the training period.

    Every model is tried as it comes first. Then settings are proposed in batches of six, by TPE or by chance. Where
    there are enough users, all of a batch learn from some of them first, and the best third goes on to three times as
    many, until all are trained on (successive halving). Models that learn in epochs stop early by the validation part;
    the best epoch is the number of ``iterations`` of the result, unless the space has ``iterations``.

    Parameters
    ----------
    models : str, Recommender, sequence of these, or mapping of name to space
        What to tune; hyper-parameters of a Recommender that are not searched stay as they are.
    train : Dataset
        Training events. The test part is none of this function's business: keep it out.
    metric : str
        What to look at, such as ``"ndcg@10"``.
    trials : int
        How many settings, the models as they come included; fewer if there are no others left.
    seed : int
        Of the proposals, the draws of users, and the models. The same seed gives the same trials, whatever `jobs`.
    space : mapping, optional
        Where to look, instead of what the models declare (``search_space``): by parameter, or ``"model.parameter"``; a
        `Dimension`, a list of values, one value, or a text of these: ``"32,64"``, ``"0.001..1:log"``.
    validation : str, float or Split
        What to measure on. A length of time (``"14d"``): the newest part of `train`. A share: about that share of the
        newest events, or, in a log without times, of the user–item pairs by chance. Or a split of your own.
    sampler : {"tpe", "random"}, optional
        Default: ``"tpe"`` where the extra ``tune`` (optuna) is installed.
    rung_users : int or None
        The fewest users to look at first; None: every trial is trained on all users.
    jobs : int
        Trials at a time, up to six, each with its share of the threads.
    timeout : str, optional
        Stop after this time, e.g. ``"10m"``; trials that are not over then do not count.
    on_cold, eligibility, exclude_seen, confidence
        As in `evaluate`.
    known : sequence of Trial
        Trials of the same search that are over already: they are not repeated.
    on_trial : callable, optional
        Told of every new trial that is over, in the caller's thread.
    progress : callable, optional
        Told the same.

    Raises
    ------
    ArgumentError
        A model, a parameter or an option is not usable.
    DataError
        A part of the split is empty, nobody can be measured, or no trial was finished.

    Examples
    --------
    >>> import numpy as np
    >>> draw = np.random.default_rng(1)
    >>> taste, items = draw.integers(2, size=900), draw.integers(10, size=900)
    >>> train = Dataset.from_frame({"user_id": 2 * draw.integers(30, size=900) + taste, "item_id": 2 * items + taste})
    >>> found = tune("itemknn", train, trials=4, sampler="random", space={"neighbors": [5, 10]})
    >>> len(found.trials), found.best_params["neighbors"] in (5, 10)
    (4, True)
    """
    spec = _checked(metric, trials, jobs, rung_users, confidence, seed)
    deadline = None if timeout is None else time.monotonic() + duration_micros("timeout", timeout) / 1e6
    candidates = candidates_of(models, space or {}, seed, has_times=train.times is not None)
    proposers, sampler_told = proposers_of(sampler, seed, spec)
    split, validation_told, warnings = validation_of(train, validation)
    options: Options = {"on_cold": on_cold, "eligibility": eligibility, "exclude_seen": exclude_seen}
    rungs = make_rungs(split, spec, rung_users=rung_users, seed=seed, confidence=confidence, options=options)
    search = Search(
        Rotation(candidates, proposers, seed),
        rungs,
        spec,
        jobs=min(jobs, BATCH),
        deadline=deadline,
        known=known,
        on_trial=on_trial,
        progress=progress,
    )
    made = search.run(trials)
    if len(made) < trials:
        why = "the time was up" if search.stopped else "there were no other settings"
        warnings = (*warnings, f"{len(made):,} of {counted(trials, 'trial')} were made: {why}")
    found = Tuning(
        trials=made,
        metric=spec,
        spaces={one.name: {name: str(where) for name, where in one.space.items()} for one in candidates},
        bases={one.name: one.base for one in candidates},
        sampler=sampler_told,
        seed=seed,
        validation=validation_told,
        asked=trials,
        confidence=confidence,
        notes=conventions_of(rungs, spec, candidates),
        warnings=warnings,
    )
    if not any(trial.status == "finished" for trial in made):
        raise nothing_finished(made)
    return found


def _checked(metric: str, trials: int, jobs: int, rung_users: int | None, confidence: float, seed: int) -> MetricSpec:
    for name, number in (("trials", trials), ("jobs", jobs), ("rung_users", rung_users)):
        if number is not None:
            positive_int(name, number)
    finite_float("confidence", confidence, above=0, below=1)
    derived_int(seed)
    spec = parse_metric(metric)
    if spec.metric.better == "neither":
        raise ArgumentError(f"metric is {metric!r}", "one of which more or less is better was expected", "use ndcg@10")
    return spec
