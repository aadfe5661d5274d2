"""Optuna's tree-structured Parzen estimator behind our own interface: the one module that knows optuna."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from recsys.core.errors import ArgumentError
from recsys.core.seeds import derived_int
from recsys.evaluation.proposing import Candidate, Chosen
from recsys.evaluation.tuning_result import Trial
from recsys.models.spaces import Choice, Dimension, Integer

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import Trial as OptunaTrial

_STARTUP_TRIALS = 6


def is_installed() -> bool:
    """Return whether the extra ``tune`` is there.

    Examples
    --------
    >>> isinstance(is_installed(), bool)
    True
    """
    return find_spec("optuna") is not None


def version() -> str:
    """Return the version of optuna.

    Raises
    ------
    ArgumentError
        It is not installed.
    """
    if not is_installed():
        raise ArgumentError(
            "sampler is 'tpe' and optuna is not installed",
            "the extra `tune` was expected",
            "pip install 'recsys[tune]', or use sampler='random'",
        )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")  # of tqdm in a notebook: no bar is drawn here
        import optuna

    return str(optuna.__version__)


class ParzenTree:
    """TPE over all parameters of one candidate together (Bergstra et al. 2011; Falkner et al. 2018).

    Settings that are being tried count as bad ones until their value is told, so that a batch spreads out. Pruned
    trials count below finished ones, by how far they came and how good they were there. Nothing is stored: the study
    lives in memory.

    Parameters
    ----------
    candidate : Candidate
        What to propose settings of.
    seed : int
    better : {"higher", "lower"}
        Which values are good ones.
    """

    def __init__(self, candidate: Candidate, seed: int, better: str) -> None:
        self._dimensions = {name: _distribution(one) for name, one in candidate.space.items()}
        self._space = candidate.space
        self._study = _study(derived_int(seed, 2), "minimize" if better == "lower" else "maximize")
        self._asked: dict[int, OptunaTrial] = {}

    def ask(self, number: int) -> Chosen | None:
        """Return the settings that promise most."""
        with _quiet():
            asked = self._study.ask(self._dimensions)
        self._asked[number] = asked
        return dict(asked.params)

    def tell(self, trial: Trial) -> None:
        """Tell the study what became of a trial."""
        from optuna.trial import TrialState, create_trial

        state = {"finished": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}[trial.status]
        asked = self._asked.pop(trial.number, None)
        values = {step: look.value for step, look in enumerate(trial.looks)}
        if asked is not None:
            for step, value in values.items():
                asked.report(value, step)
            self._study.tell(asked, trial.value if state is TrialState.COMPLETE else None, state=state)
            return
        known = {name: trial.params[name] for name, one in self._space.items() if one.contains(trial.params[name])}
        self._study.add_trial(
            create_trial(
                state=state,
                value=trial.value if state is TrialState.COMPLETE else None,
                params=known,
                distributions={name: self._dimensions[name] for name in known},
                intermediate_values=values,
            )
        )


def _distribution(dimension: Dimension) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(dimension, Choice):
        return CategoricalDistribution(dimension.values)
    if isinstance(dimension, Integer):
        return IntDistribution(dimension.low, dimension.high, dimension.log)
    return FloatDistribution(dimension.low, dimension.high, dimension.log)


def _study(seed: int, direction: Literal["minimize", "maximize"]) -> Study:
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # a new study would be news on stderr
    try:
        with _quiet():
            sampler = optuna.samplers.TPESampler(
                seed=seed, multivariate=True, constant_liar=True, n_startup_trials=_STARTUP_TRIALS
            )
        return optuna.create_study(sampler=sampler, direction=direction)
    finally:
        optuna.logging.set_verbosity(level)


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out that optuna calls some of its options experimental."""
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
