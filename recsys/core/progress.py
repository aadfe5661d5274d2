"""Progress of long work, told through a callback; pure code never prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a long piece of work.

    Attributes
    ----------
    stage : str
        What is being done, e.g. ``"als"`` or ``"ingest events"``.
    done : int
        Units done so far.
    total : int or None
        Units in all, None when unknown.
    unit : str
        What a unit is, e.g. ``"epochs"`` or ``"rows"``.
    values : mapping of str to float
        Numbers worth showing, e.g. ``{"loss": 0.31}``.
    """

    stage: str
    done: int
    total: int | None = None
    unit: str = "steps"
    values: Mapping[str, float] = field(default_factory=dict)


ProgressCallback = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Ignore all progress.

    Examples
    --------
    >>> silent(Progress("als", 1, 15))
    """
