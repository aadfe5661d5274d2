"""What `recommend` and `look` answer: what was written, and the lists of a few users."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from recsys.display import Tabular, View, Viewable, counted
from recsys.workflows.exporting import STREAM
from recsys.workflows.identities import table_of

_PROPENSITIES = {f"propensity_{word}": word for word in ("position", "slate", "given_above")}


@dataclass(frozen=True)
class RecommendSummary:
    """What was written.

    Attributes
    ----------
    out : str
        The file; ``"-"`` for an open stream.
    manifest : str or None
        What stands beside it.
    rows, users : int
        Recommendations, and users with at least one of them.
    fallback_users : int
        Users of these who got the most popular items.
    explored : int
        Recommendations in which a draw put another item than the best one left.
    skipped : int
        Users who were asked for and got nothing.
    k : int
        Items wanted per user.
    sha256 : str
        Of the file.
    """

    out: str
    manifest: str | None
    rows: int
    users: int
    fallback_users: int
    skipped: int
    explored: int
    k: int
    sha256: str

    def __str__(self) -> str:
        where = "" if self.out == STREAM else f" in {self.out}"
        parts = [f"{counted(self.rows, 'row')} for {counted(self.users, 'user')}{where}"]
        if self.fallback_users:
            parts.append(f"{self.fallback_users:,} of them by the fallback")
        if self.explored:
            parts.append(f"{self.explored:,} rows explored")
        if self.skipped:
            parts.append(f"{counted(self.skipped, 'user')} got nothing")
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


@dataclass(frozen=True, eq=False, repr=False)
class Lists(Viewable, Tabular):
    """Lists of a few users, with titles where the store has them.

    Parameters
    ----------
    frame : polars.DataFrame
        user_id, item_id, [title], rank, score, source, [propensity_position, propensity_slate,
        propensity_given_above].
    warnings : tuple of str
        What a reader should know.
    """

    frame: pl.DataFrame
    warnings: tuple[str, ...] = ()

    def to_polars(self) -> pl.DataFrame:
        """Return the frame."""
        return self.frame

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"recommendations": self.frame.to_dicts(), "warnings": list(self.warnings)}

    def view(self) -> View:
        """Return the lists, with a note on those that are fallbacks and on what was drawn."""
        frame, users = self.frame, self.frame["user_id"].n_unique()
        title = f"lists of {counted(users, 'user')}"
        if users == 1:
            title, frame = f"list of user {frame['user_id'][0]}", frame.drop("user_id")
        frame = frame.rename({name: f"p_{word}" for name, word in _PROPENSITIES.items() if name in frame.columns})
        return View(title, (table_of(frame),), (*self._notes(), *self.warnings))

    def _notes(self) -> tuple[str, ...]:
        fallbacks = self.frame.filter(pl.col("source") == "fallback")["user_id"].n_unique()
        explored = int((self.frame["source"] == "exploration").sum())
        told = (
            (fallbacks, f"fallback: {fallbacks:,} without training events, who get the most popular items"),
            (explored, f"exploration: in {counted(explored, 'row')} a draw put another item than the best one left"),
            (
                not _PROPENSITIES.keys().isdisjoint(self.frame.columns),
                "p: propensity of the item at its position, of the whole list (slate), of the item given those above",
            ),
        )
        return tuple(note for due, note in told if due)
