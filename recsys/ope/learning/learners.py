"""Policies that learn while they serve: LinUCB, Thompson sampling and epsilon-greedy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from recsys.core.checks import finite_float
from recsys.core.errors import ArgumentError
from recsys.kernels import BanditRule


@runtime_checkable
class Bandit(Protocol):
    """A learning policy that the bandit kernel can take through a log."""

    @property
    def name(self) -> str:
        """What results call it."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the log that it looks at."""
        ...

    def rule(self) -> BanditRule:
        """Return how it scores."""
        ...


class _Contextual:
    """What policies with a context share."""

    context: Sequence[str]
    label: str

    @property
    def name(self) -> str:
        """What results call it."""
        return self.label

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the log that it looks at."""
        return columns_of(self.context)


@dataclass(frozen=True)
class LinUCB(_Contextual):
    """Disjoint LinUCB (Li, Chu, Langford & Schapire 2010, algorithm 1): a ridge regression for each item.

    The item with the highest ``x·θ + alpha·√(x·A⁻¹x)`` is chosen, of equal ones the lowest in the order of the log's
    items; ``A = ridge·I + Σ x xᵀ`` over what the item was shown for.

    Parameters
    ----------
    context : sequence of str
        Columns of the log. Numbers are standardised, texts become indicators; a constant is always there, so without
        columns this is UCB on means.
    alpha : float
        Width of the upper confidence bound.
    ridge : float
        Regularisation: the multiple of the identity that A begins with.
    label : str, optional
        What results call it.

    Examples
    --------
    >>> LinUCB(["age", "country"], alpha=0.5).name
    'linucb'
    """

    context: Sequence[str] = ()
    alpha: float = 1.0
    ridge: float = 1.0
    label: str = "linucb"

    def __post_init__(self) -> None:
        finite_float("alpha", self.alpha, minimum=0)
        finite_float("ridge", self.ridge, above=0)
        columns_of(self.context)

    def rule(self) -> BanditRule:
        """Return how it scores."""
        return BanditRule("linear", alpha=self.alpha, ridge=self.ridge)


@dataclass(frozen=True)
class LinearThompson(_Contextual):
    """Linear Thompson sampling (Agrawal & Goyal 2013), a model for each item.

    At every event θ of each item is drawn from N(θ̂, scale² A⁻¹), and the item with the highest ``x·θ`` is chosen. The
    draws of items are independent, so ``x·θ`` itself is drawn, from N(x·θ̂, scale² x·A⁻¹x): the same choices.

    Parameters
    ----------
    context, ridge, label
        As of `LinUCB`.
    scale : float
        The `v` of the paper.

    Examples
    --------
    >>> LinearThompson(context=["age"], scale=0.5).name
    'linear thompson'
    """

    context: Sequence[str] = ()
    scale: float = 0.5
    ridge: float = 1.0
    label: str = "linear thompson"

    def __post_init__(self) -> None:
        finite_float("scale", self.scale, above=0)
        finite_float("ridge", self.ridge, above=0)
        columns_of(self.context)

    def rule(self) -> BanditRule:
        """Return how it scores."""
        return BanditRule("linear", noise=self.scale, ridge=self.ridge)


@dataclass(frozen=True)
class BetaThompson:
    """Beta–Bernoulli Thompson sampling (Thompson 1933; Chapelle & Li 2011), for rewards of 0 and 1.

    Parameters
    ----------
    prior : (float, float)
        Of the reward rate of each item: pseudo-successes and pseudo-failures, each at least 1.
    label : str, optional
        What it is called in results.

    Examples
    --------
    >>> BetaThompson(prior=(1, 9)).prior
    (1, 9)
    """

    prior: tuple[float, float] = (1.0, 1.0)
    label: str = "thompson"

    def __post_init__(self) -> None:
        if len(self.prior) != 2:
            raise ArgumentError(f"prior is {self.prior!r}", "two numbers of at least 1 were expected")
        for one in self.prior:
            finite_float("prior", one, minimum=1)

    @property
    def name(self) -> str:
        """What results call it."""
        return self.label

    @property
    def columns(self) -> tuple[str, ...]:
        """None."""
        return ()

    def rule(self) -> BanditRule:
        """Return how it scores."""
        return BanditRule("beta", prior=(float(self.prior[0]), float(self.prior[1])))


@dataclass(frozen=True)
class GreedyLearner(_Contextual):
    """Epsilon-greedy: the item of the highest ridge prediction, and with probability epsilon any candidate.

    Without context the prediction is a mean of rewards, drawn towards 0 as if `ridge` events had earned nothing.

    Parameters
    ----------
    context, ridge, label
        As of `LinUCB`.
    epsilon : float
        From 0 to 1.

    Examples
    --------
    >>> GreedyLearner(epsilon=0.05).epsilon
    0.05
    """

    context: Sequence[str] = ()
    epsilon: float = 0.1
    ridge: float = 1.0
    label: str = "epsilon-greedy"

    def __post_init__(self) -> None:
        finite_float("epsilon", self.epsilon, minimum=0, maximum=1)
        finite_float("ridge", self.ridge, above=0)
        columns_of(self.context)

    def rule(self) -> BanditRule:
        """Return how it scores."""
        return BanditRule("linear", epsilon=self.epsilon, ridge=self.ridge)


def columns_of(context: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that a context names; one name is a sequence of one."""
    columns = (context,) if isinstance(context, str) else tuple(context)
    if not all(isinstance(one, str) for one in columns):
        raise ArgumentError(f"context is {context!r}", "names of columns were expected")
    if len(set(columns)) < len(columns):
        raise ArgumentError(f"context is {', '.join(columns)}", "different columns were expected")
    return columns
