"""What a policy must tell of a log so that it can be valued on it."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from recsys.ope.feedback import LoggedFeedback, Propensities


class Actions(NamedTuple):
    """What a policy may do in each row of a log, sparse: nothing of size rows × items is ever made.

    Attributes
    ----------
    indptr : (n + 1,) int64
        Where the actions of each row begin and end.
    codes : (nnz,) int32
        Items, ascending within a row; −1 for items that the log has never shown (all of them in one entry).
    probabilities : (nnz,) float64
        That the item stands at the row's position; a row sums to 1 (less where the policy leaves the slot empty).
    """

    indptr: NDArray[np.int64]
    codes: NDArray[np.int32]
    probabilities: NDArray[np.float64]


@runtime_checkable
class Policy(Protocol):
    """A way to choose items for the requests of a log.

    Any fitted recommender becomes one; so do a frame of probabilities and a Python callable.
    """

    @property
    def name(self) -> str:
        """What results call it."""
        ...

    @property
    def trained_through(self) -> int | None:
        """Microseconds up to which it has learned; impressions up to then are refused."""
        ...

    def propensities(self, feedback: LoggedFeedback) -> Propensities:
        """Return how probable it makes the logged rows."""
        ...

    def actions(self, feedback: LoggedFeedback) -> Actions | None:
        """Return what it may do in each row, for reward models; None if it cannot say."""
        ...


@runtime_checkable
class SurveyedPolicy(Policy, Protocol):
    """A policy that tells its propensities and its actions in one pass, for it would rank twice otherwise."""

    def survey(self, feedback: LoggedFeedback, *sinks: Any) -> Propensities:
        """Return how probable it makes the logged rows, and put what it may do in each into sinks (`pools.Sink`)."""
        ...


@runtime_checkable
class SequentialPolicy(Policy, Protocol):
    """A policy that also tells what it would show next, given the items above: for cascade-DR."""

    def actions_given_above(self, feedback: LoggedFeedback) -> Actions | None:
        """Return what it may put into each row given what stands above it; None if it cannot say."""
        ...
