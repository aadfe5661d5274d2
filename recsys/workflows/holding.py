"""What a training run keeps apart to be tested on, and the same split once more from what the run recorded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple, Self

from recsys.core.checks import finite_float, one_of, positive_int
from recsys.core.errors import ArgumentError, DataError
from recsys.core.times import duration_micros, from_micros
from recsys.dataset import Dataset, Split, leave_last_out, random_split, temporal_split

SplitKind = Literal["temporal", "random", "leave-last-out"]
SPLITS = ("temporal", "random", "leave-last-out")
_SIZES = {"random": "0.2", "leave-last-out": "1"}


class Held(NamedTuple):
    """A part of the data that no model of a run learns from.

    Attributes
    ----------
    kind : {"temporal", "random", "leave-last-out"}
        How it was chosen.
    size : str
        A length of time, a share of the pairs, or a number of items a user.
    cut : datetime or None
        Of a split in time that was made: where (UTC).
    """

    kind: str
    size: str
    cut: datetime | None = None

    @classmethod
    def parse(cls, split: str | None, holdout: str | float | None) -> Self | None:
        """Return what was asked for, checked; None: nothing is held out.

        Raises
        ------
        ArgumentError
            There is no such split, or it has no such size.

        Examples
        --------
        >>> Held.parse("random", None)
        Held(kind='random', size='0.2', cut=None)
        >>> Held.parse(None, "14d").kind
        'temporal'
        """
        if split is None and holdout is None:
            return None
        kind = one_of("split", "temporal" if split is None else split, SPLITS)
        if holdout is None and kind not in _SIZES:
            raise ArgumentError("split is 'temporal' and holdout is missing", "a length was expected", "holdout='14d'")
        held = cls(kind, _SIZES[kind] if holdout is None else str(holdout))
        held._check()
        return held

    @classmethod
    def of(cls, recipe: Mapping[str, Any]) -> Self | None:
        """Return what the recipe of a training run says."""
        if recipe["holdout"] is None:
            return None
        cut = recipe["cut"]
        return cls(recipe.get("split", "temporal"), recipe["holdout"], cut and datetime.fromisoformat(cut))

    @property
    def part(self) -> tuple[str, str]:
        """What tells this part of a snapshot from others; equal ones hold the same events."""
        return self.kind, self.size if self.cut is None else f"cut {self.cut}"

    def split(self, data: Dataset) -> tuple[Split, Held]:
        """Split data, the same data always in the same way; return with it what to record.

        Raises
        ------
        ArgumentError
            The split needs times, and the data has none.
        DataError
            One of the two parts would be empty.
        """
        if self.kind == "random":
            return random_split(data, float(self.size), seed=0), self
        if self.kind == "leave-last-out":
            return leave_last_out(data, int(self.size)), self
        made = temporal_split(data, self.size) if self.cut is None else temporal_split(data, at=self.cut)
        if made.cut is None:
            raise DataError("the split has no cut", "a split in time was expected")
        return made, self._replace(cut=from_micros(made.cut))

    def _check(self) -> None:
        """Raise before any data is read if the size does not suit the kind."""
        if self.kind == "temporal":
            duration_micros("holdout", self.size)
            return
        hint = f"holdout='{_SIZES[self.kind]}'"
        try:
            number = float(self.size)
        except ValueError:
            expected = "a share between 0 and 1" if self.kind == "random" else "a number of items a user"
            what = f"holdout is {self.size!r} and split is {self.kind!r}"
            raise ArgumentError(what, f"{expected} was expected", hint) from None
        if self.kind == "random":
            finite_float("holdout", number, above=0, below=1, hint=hint)
        else:
            positive_int("holdout", int(number) if number.is_integer() else number, hint=hint)


def held_dict(held: Held | None) -> dict[str, str | None]:
    """Return what a recipe records of the part that is held out.

    Examples
    --------
    >>> held_dict(None)
    {'holdout': None, 'split': None, 'cut': None}
    """
    if held is None:
        return {"holdout": None, "split": None, "cut": None}
    return {"holdout": held.size, "split": held.kind, "cut": None if held.cut is None else held.cut.isoformat()}
