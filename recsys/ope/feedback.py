"""`LoggedFeedback`: what a policy has shown, how probable that was, and what came of it — as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import did_you_mean
from recsys.core.errors import ArgumentError, NotFoundError
from recsys.core.times import instant_micros
from recsys.dataset import Vocabulary
from recsys.display import Card, View

Rows = NDArray[np.float64]


class Propensities(NamedTuple):
    """How probable it was, under one policy, that the rows of a log were shown. None: not known.

    The three are different numbers, and none stands for another.

    Attributes
    ----------
    position : (n,) float64 or None
        That this item stands at this position of this request.
    given_above : (n,) float64 or None
        The same, given the items above it.
    slate : (n_slates,) float64 or None
        That the whole list is this one.
    """

    position: Rows | None = None
    given_above: Rows | None = None
    slate: Rows | None = None


@dataclass(frozen=True, eq=False)
class LoggedFeedback(Card):
    """Rows of a log of impressions; the rows of a slate (one request) stand together, by position.

    Attributes
    ----------
    offsets : (n_slates + 1,) int64
        Slate s is the rows ``offsets[s]:offsets[s + 1]``. Without request ids every row is a slate of its own.
    items : Vocabulary
        Of the items shown.
    actions : (n,) int32
        Codes of the items.
    positions : (n,) int32
        From 1, the top; 1 everywhere when the log has none.
    rewards : mapping of str to (n,) float64
        Finite; by name of the column.
    propensities : Propensities
        Of the policy that wrote the log.
    users : Vocabulary or None
        None when the log names no users.
    user_codes : (n,) int32 or None
        −1 where a row names no user.
    times : (n,) int64 or None
        Microseconds since 1970 UTC.
    versions : tuple of str
        The policies (``policy/policy_version``) that wrote the log.
    version_codes : (n,) int32
        Which of `versions` showed each row.
    context : DataFrame
        n rows: all other columns of the log, `request_id`, `viewed` and `candidate_set` among them.
    has_requests : bool
        Whether slates are known: without, estimators over slates are refused.
    has_positions : bool
        Whether the log says at which position items stood.
    estimated : bool
        Whether the propensities were estimated from the log itself.
    duplicates : int
        Rows equal in all columns to an earlier one; they were kept, and are reported.
    copies : int
        What divides how often each row occurs: 2 when the whole log is there twice.
    notes : tuple of str
        What was noticed on entry.

    Examples
    --------
    >>> log = LoggedFeedback.from_frame({"item_id": ["a", "b"], "click": [1, 0], "propensity_position": [0.5, 0.5]})
    >>> log.items.decode(log.actions).to_list(), log.rewards["click"].tolist()
    (['a', 'b'], [1.0, 0.0])
    """

    offsets: NDArray[np.int64]
    items: Vocabulary
    actions: NDArray[np.int32]
    positions: NDArray[np.int32]
    rewards: Mapping[str, Rows]
    propensities: Propensities
    users: Vocabulary | None
    user_codes: NDArray[np.int32] | None
    times: NDArray[np.int64] | None
    versions: tuple[str, ...]
    version_codes: NDArray[np.int32]
    context: pl.DataFrame
    has_requests: bool
    has_positions: bool
    estimated: bool = False
    duplicates: int = 0
    copies: int = 1
    notes: tuple[str, ...] = field(default=())

    @classmethod
    def from_frame(cls, frame: object, *, reward: str | Sequence[str] | None = None) -> LoggedFeedback:
        """Return the log of a frame of impressions, checked; the order of the rows does not matter.

        Parameters
        ----------
        frame : polars, pandas or Arrow frame
            One row for each item shown: ``item_id``, a reward, and whatever is known of ``request_id, ts, user_id,
            position`` (from 1), ``propensity_position, propensity_given_above, propensity_slate`` (0 < p ≤ 1),
            ``policy, policy_version``. All other columns are context. `Store.impressions` gives such a frame. A column
            that holds only nulls is taken as not there.
        reward : str or sequence of str, optional
            The columns of outcomes. Default: all columns of numbers that mean nothing else, such as click or minutes.

        Raises
        ------
        NotFoundError
            There is no ``item_id``, or no (such) reward.
        DataError
            A value breaks a demand: propensities that are null, NaN, 0, negative, above 1 (percent); rewards that are
            not finite; positions that are not whole numbers from 1; a request with two items at a position, two users
            or two propensities of its list. The message counts the rows and shows the first.

        Examples
        --------
        >>> log = LoggedFeedback.from_frame({
        ...     "request_id": [2, 1, 1], "item_id": ["a", "b", "a"], "position": [1, 2, 1],
        ...     "propensity_position": [0.5, 0.25, 0.5], "click": [True, False, True]})
        >>> log
        <LoggedFeedback of 3 impressions in 2 slates, 2 items>
        >>> log.offsets.tolist(), log.actions.tolist(), log.rewards["click"].tolist()
        ([0, 2, 3], [0, 1, 0], [1.0, 0.0, 1.0])
        """
        from recsys.ope.entering import feedback_of

        return feedback_of(frame, reward)

    def __len__(self) -> int:
        return len(self.actions)

    @property
    def gaps(self) -> int:
        """How many requests miss a position between 1 and their last: rows of their lists are not in the log."""
        if not (self.has_requests and self.has_positions) or not len(self):
            return 0
        return int((np.maximum.reduceat(self.positions, self.offsets[:-1]) > np.diff(self.offsets)).sum())

    @property
    def n_slates(self) -> int:
        """Requests; rows when the log names no requests."""
        return len(self.offsets) - 1

    @property
    def slates(self) -> NDArray[np.int64]:
        """The slate of each row, (n,) int64."""
        return np.repeat(np.arange(self.n_slates), np.diff(self.offsets))

    def noted(self, *notes: str) -> LoggedFeedback:
        """Return the log with more notes."""
        return replace(self, notes=(*self.notes, *notes))

    def keep(self, slates: NDArray[np.bool_]) -> LoggedFeedback:
        """Return some of the slates; `slates` is (n_slates,) bool. Vocabularies stay, so codes mean the same."""
        if slates.shape != (self.n_slates,) or slates.dtype != np.bool_:
            raise ArgumentError(
                f"slates is {slates.dtype} of shape {slates.shape}", f"({self.n_slates},) bool was expected"
            )
        rows = np.flatnonzero(np.repeat(slates, np.diff(self.offsets)))
        position, above, slate = self.propensities
        return replace(
            self,
            offsets=np.append(0, np.cumsum(np.diff(self.offsets)[slates])).astype(np.int64),
            actions=self.actions[rows],
            positions=self.positions[rows],
            rewards={name: column[rows] for name, column in self.rewards.items()},
            propensities=Propensities(
                None if position is None else position[rows],
                None if above is None else above[rows],
                None if slate is None else slate[slates],
            ),
            user_codes=None if self.user_codes is None else self.user_codes[rows],
            times=None if self.times is None else self.times[rows],
            version_codes=self.version_codes[rows],
            context=self.context[rows],
        )

    def of_versions(self, *versions: str) -> LoggedFeedback:
        """Return the slates that these policies (``policy/policy_version``, or a policy in all its versions) wrote.

        Raises
        ------
        NotFoundError
            No such policy wrote a row.
        """
        wanted = np.zeros(len(self.versions), np.bool_)
        for name in versions:
            found = [name == version or version.startswith(f"{name}/") for version in self.versions]
            if not any(found):
                near = did_you_mean(name, self.versions)
                raise NotFoundError(
                    f"no policy {name!r} wrote this log", f"one of {', '.join(self.versions)} was expected", near
                )
            wanted |= np.array(found)
        return self.keep(_all_of(wanted[self.version_codes], self.offsets))

    def period(
        self, since: str | datetime | date | None = None, until: str | datetime | date | None = None
    ) -> LoggedFeedback:
        """Return the slates from `since` on and before `until` (UTC), by the time of their first row."""
        times = self.slate_times
        if times is None:
            raise ArgumentError("the log has no times", "a column ts was expected")
        kept = np.ones(self.n_slates, np.bool_)
        if since is not None:
            kept &= times >= instant_micros("since", since)
        if until is not None:
            kept &= times < instant_micros("until", until)
        return self.keep(kept)

    @property
    def slate_times(self) -> NDArray[np.int64] | None:
        """When each slate was asked for, (n_slates,) int64 µs: the earliest of its rows; None without times."""
        if self.times is None:
            return None
        return np.minimum.reduceat(self.times, self.offsets[:-1]) if len(self) else np.zeros(0, np.int64)

    def card(self) -> View:
        """Return what a notebook shows: size, span, who wrote the log, rewards and propensities."""
        from recsys.ope.cards import feedback_card

        return feedback_card(self)

    def __repr__(self) -> str:
        return f"<LoggedFeedback of {len(self):,} impressions in {self.n_slates:,} slates, {len(self.items):,} items>"


def _all_of(rows: NDArray[np.bool_], offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return for each slate whether all its rows are marked; no slate is empty."""
    return np.logical_and.reduceat(rows, offsets[:-1]) if len(rows) else np.zeros(0, np.bool_)
