"""`DataRecipe`: which rows of the store become which Dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime
from typing import Any

from recsys.core.checks import did_you_mean, positive_int
from recsys.core.errors import ArgumentError
from recsys.core.times import parse_instant
from recsys.dataset import Label, Relevance


@dataclass(frozen=True)
class DataRecipe:
    """Which events become a Dataset, and what is learned from them.

    Parameters
    ----------
    event : str, optional
        The event type, e.g. ``"play"``. Default: all events, if the store holds one type.
    value : str, optional
        The column of `events` that holds the label value; an empty value counts as 1. None: every event counts 1.
    label : Label
        How the events of a user with an item become one training weight.
    relevance : Relevance
        What counts as a hit in a test part.
    relevance_column : str, optional
        The column of `events` that `relevance` looks at; an empty one counts 0. Default: `value`.
    until : datetime, date or ISO text, optional
        Events before this instant (UTC, exclusive). Default: all.
    as_of : datetime, date or ISO text, optional
        What the store had received by this instant (UTC, inclusive). Default: all that it has received.
    min_user_events, min_item_events : int
        Users and items with fewer events are left out, again and again until all have enough (the k-core); repeats
        count.

    Raises
    ------
    ArgumentError
        A value is not usable.

    Examples
    --------
    >>> DataRecipe(event="play", until="2026-06-01").until
    datetime.datetime(2026, 6, 1, 0, 0)
    """

    event: str | None = None
    value: str | None = "value"
    label: Label = field(default_factory=Label)
    relevance: Relevance = field(default_factory=Relevance)
    relevance_column: str | None = None
    until: datetime | date | str | None = None
    as_of: datetime | date | str | None = None
    min_user_events: int = 1
    min_item_events: int = 1

    def __post_init__(self) -> None:
        for name in ("until", "as_of"):
            instant = getattr(self, name)
            if instant is not None:
                object.__setattr__(self, name, parse_instant(name, instant))
        positive_int("min_user_events", self.min_user_events)
        positive_int("min_item_events", self.min_item_events)
        for name, kind in (("label", Label), ("relevance", Relevance)):
            if not isinstance(getattr(self, name), kind):
                raise ArgumentError(f"{name} is {getattr(self, name)!r}", f"a {kind.__name__} was expected")

    @property
    def end(self) -> datetime | None:
        """`until` as a datetime (UTC, without zone)."""
        return None if self.until is None else parse_instant("until", self.until)

    @classmethod
    def of(cls, **parts: Any) -> DataRecipe:
        """Return the recipe of keyword arguments; an unknown one is answered with the nearest known one.

        Examples
        --------
        >>> DataRecipe.of(event="play").event
        'play'
        """
        known = [part.name for part in fields(cls)]
        for name in parts:
            if name not in known:
                raise ArgumentError(
                    f"there is no argument {name!r}",
                    f"one of {', '.join(known)} was expected",
                    did_you_mean(name, known),
                )
        return cls(**parts)

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain values; `from_dict` reads them."""
        plain = asdict(self)
        for name in ("until", "as_of"):
            plain[name] = None if plain[name] is None else plain[name].isoformat()
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> DataRecipe:
        """Return the recipe that `to_dict` wrote.

        Examples
        --------
        >>> recipe = DataRecipe(event="play", until="2026-06-01")
        >>> DataRecipe.from_dict(recipe.to_dict()) == recipe
        True
        """
        return cls.of(**{**plain, "label": Label(**plain["label"]), "relevance": Relevance(**plain["relevance"])})
