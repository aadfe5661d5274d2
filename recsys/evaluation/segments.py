"""Users in segments: warm and cold always, any attribute on request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import did_you_mean
from recsys.core.errors import ArgumentError, NotFoundError
from recsys.evaluation.population import Population

WARMTH = "warmth"
MISSING = "(missing)"
MOST_LEVELS = 50


class Segment(NamedTuple):
    """Some of the users.

    Attributes
    ----------
    by : str
        What divides the users: ``"warmth"`` or an attribute.
    level : str
        Which part of them.
    members : (n_users,) bool
        Who belongs to it.
    """

    by: str
    level: str
    members: NDArray[np.bool_]


def segment_labels(population: Population, by: Sequence[str]) -> pl.DataFrame:
    """Return one row a user: ``warmth`` ("warm" or "cold") and the attributes `by` as text.

    Parameters
    ----------
    population : Population
        The users.
    by : sequence of str
        Names of user attributes of the test part.

    Raises
    ------
    NotFoundError
        There is no such attribute.
    ArgumentError
        An attribute has more than 50 levels, or holds lists.
    """
    if isinstance(by, str):
        raise ArgumentError(f"by is {by!r}", "a list of user attributes was expected", f"use by=[{by!r}]")
    frame = population.test.user_attributes
    warmth = pl.Series(WARMTH, np.where(population.cold, "cold", "warm"), dtype=pl.String)
    return pl.DataFrame([warmth, *(_levels(_column(frame, name), population) for name in dict.fromkeys(by))])


def segments_of(labels: pl.DataFrame) -> Iterator[Segment]:
    """Yield every segment: warm before cold, then the levels of each attribute in rising order, missing ones last.

    Examples
    --------
    >>> labels = pl.DataFrame({"warmth": ["warm", "cold", "warm"], "country": ["SE", "(missing)", "DE"]})
    >>> [(segment.level, int(segment.members.sum())) for segment in segments_of(labels)]
    [('warm', 2), ('cold', 1), ('DE', 1), ('SE', 1), ('(missing)', 1)]
    """
    for name in labels.columns:
        levels = labels[name].unique().to_list()
        order = sorted(levels, key=lambda level: (level in (MISSING, "cold"), level))
        for level in order:
            yield Segment(name, level, (labels[name] == level).to_numpy())


def _column(frame: pl.DataFrame | None, name: str) -> pl.Series:
    found = [] if frame is None else [column for column in frame.columns if column != WARMTH]
    if frame is None or name not in found:
        raise NotFoundError(
            f"there is no user attribute {name!r} (found: {', '.join(found) or 'none'})",
            "an attribute of the test users was expected",
            did_you_mean(name, found) or "give user_attributes, a frame with user_id",
        )
    return frame[name]


def _levels(column: pl.Series, population: Population) -> pl.Series:
    if column.dtype.is_nested() or column.dtype in (pl.Object, pl.Binary):
        raise ArgumentError(
            f"the user attribute {column.name!r} has type {column.dtype}", "one plain value a user was expected"
        )
    theirs = column.gather(pl.Series(population.codes)).cast(pl.String).fill_null(MISSING)
    if theirs.n_unique() > MOST_LEVELS:
        raise ArgumentError(
            f"the user attribute {column.name!r} has {theirs.n_unique():,} levels",
            f"at most {MOST_LEVELS} were expected",
            "group its values first, e.g. ages into bands",
        )
    return theirs
