"""When a learning policy learns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """When a policy learns.

    Parameters
    ----------
    delay_events : int
        A reward is known after so many further accepted events …
    delay : int
        … or to events later by so many microseconds.
    update_every : int
        Learn when so many rewards have arrived.
    period : int or None
        Learn at the first event of each period of so many microseconds only.
    """

    delay_events: int = 0
    delay: int = 0
    update_every: int = 1
    period: int | None = None
