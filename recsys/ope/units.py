"""`Units`: what a value is the mean over, and which rows of a log belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from recsys.core.checks import one_of
from recsys.core.errors import ArgumentError, DataError
from recsys.ope.feedback import LoggedFeedback
from recsys.ope.results import Estimand

Float64 = NDArray[np.float64]
Clustering = Literal["impression", "request", "user"]


@dataclass(frozen=True, eq=False)
class Units:
    """Rows grouped into clusters that are independent of each other, each with a number of units.

    Attributes
    ----------
    estimand : {"impression", "request", "user"}
        The unit: a value is the total reward over the number of units.
    clustered_by : {"impression", "request", "user"}
    n_rows : int
    codes : (n_rows,) int64 or None
        The cluster of each row, from 0 without gaps; None: every row is one, in its order.
    rows, units : (n_clusters,) float64 or None
        Rows and units of each cluster; None: 1 each.

    Examples
    --------
    Four impressions, two requests of one user and one of another:

    >>> found = Units.of("request", requests=[0, 0, 1, 2], users=[5, 5, 5, 9])
    >>> found.clustered_by, found.n, found.n_clusters, found.units.tolist()
    ('user', 3, 2, [2.0, 1.0])
    """

    estimand: Estimand
    clustered_by: Clustering
    n_rows: int
    codes: NDArray[np.int64] | None = None
    rows: Float64 | None = None
    units: Float64 | None = None

    @classmethod
    def impressions(cls, n: int) -> Units:
        """Return n rows, each a unit and independent of the others."""
        return cls("impression", "impression", n)

    @classmethod
    def of(
        cls, estimand: Estimand, *, requests: ArrayLike | None = None, users: ArrayLike | None = None, n: int = 0
    ) -> Units:
        """Return the units of rows with these requests and users: clusters are users where known, else requests.

        Parameters
        ----------
        estimand : {"impression", "request", "user"}
        requests, users : (n,) array_like of int, optional
            Any numbers; a user of −1 is not known, and its request (or row) is then a cluster of its own.
        n : int
            Rows, when neither requests nor users are given.

        Raises
        ------
        ArgumentError
            For values per request without requests, or per user without users.
        DataError
            For values per user when some rows name no user, or a request with two users.
        """
        one_of("estimand", estimand, ("impression", "request", "user"))
        if estimand == "request" and requests is None:
            raise ArgumentError("the log names no requests", "request ids were expected for values per request")
        if estimand == "user" and users is None:
            raise ArgumentError("the log names no users", "user ids were expected for values per user")
        if requests is None and users is None:
            return cls.impressions(n)
        slates = np.arange(len(np.asarray(users))) if requests is None else label_codes("requests", requests)
        codes = slates if users is None else _clusters(np.asarray(users), slates, estimand)
        rows = np.bincount(codes).astype(np.float64)
        units = rows
        if estimand == "user":
            units = np.ones(len(rows))
        elif estimand == "request":
            owner = np.empty(int(slates.max(initial=-1)) + 1, np.int64)
            owner[slates] = codes
            if (owner[slates] != codes).any():
                raise DataError("a request has rows of two users", "one user a request was expected")
            units = np.bincount(owner, minlength=len(rows)).astype(np.float64)
        return cls(estimand, "request" if users is None else "user", len(codes), codes, rows, units)

    @property
    def n_clusters(self) -> int:
        """Independent groups of rows."""
        return self.n_rows if self.rows is None else len(self.rows)

    @property
    def n(self) -> int:
        """Units: impressions, requests or users."""
        return self.n_rows if self.units is None else int(self.units.sum())

    @property
    def single(self) -> bool:
        """Whether every cluster is exactly one unit."""
        return self.units is None or bool((self.units == 1).all())

    def total(self, values: Float64) -> Float64:
        """Return the sum of the values of each cluster's rows, (n_clusters,)."""
        if self.codes is None:
            return values
        return np.asarray(np.bincount(self.codes, weights=values, minlength=self.n_clusters), np.float64)


def units_of(feedback: LoggedFeedback, estimand: Estimand = "impression") -> Units:
    """Return the units of a log's rows.

    Raises
    ------
    ArgumentError
        For values per request or user when the log names none.
    DataError
        For values per user when some rows name no user.
    """
    requests = feedback.slates if feedback.has_requests else None
    return Units.of(estimand, requests=requests, users=feedback.user_codes, n=len(feedback))


def label_codes(name: str, labels: ArrayLike) -> NDArray[np.int64]:
    """Return the rank of each label among those that occur, from 0 without gaps."""
    given = np.asarray(labels)
    if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
        raise ArgumentError(
            f"{name} have the shape {given.shape} and the type {given.dtype}", "a vector of whole numbers was expected"
        )
    if given.size and given.min() >= 0 and int(given.max()) < 4 * len(given):  # codes already: no sort
        used = np.bincount(given) > 0
        places: NDArray[np.int64] = np.cumsum(used) - 1
        return places.take(given)
    return np.unique(given, return_inverse=True)[1].astype(np.int64)


def _clusters(users: NDArray[np.int64], slates: NDArray[np.int64], estimand: Estimand) -> NDArray[np.int64]:
    """Return the user of each row; rows without one have their request, or themselves."""
    unknown = users == -1
    if not unknown.any():
        return label_codes("users", users)
    if estimand == "user":
        hint = "take values per request or impression, or leave these rows out"
        raise DataError(f"{int(unknown.sum()):,} rows name no user", "a user in every row was expected", hint)
    own = int(users.max(initial=-1)) + 1 + slates
    return label_codes("users", np.where(unknown, own, users))
