"""`Exposure`: how unevenly lists fall on the items, beside how unevenly the training events do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.metrics import Concentration, MetricContext, MetricSpec, concentration


class Exposure(NamedTuple):
    """How the recommendations of all lists, and the training events, fall on the items that could be recommended.

    Attributes
    ----------
    k : int
        The first k of each list count: the k of the first catalogue metric, else of the first metric that has one.
    items : int
        How many could be recommended (at least one training event).
    recommendations, events : Concentration
        The curve of the lists, and of the training events; each has the largest items of its own first.
    """

    k: int
    items: int
    recommendations: Concentration
    events: Concentration

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, fit for JSON."""
        return {
            "k": self.k,
            "items": self.items,
            "recommendations": self.recommendations.to_dict(),
            "events": self.events.to_dict(),
        }


def exposure_of(lists: NDArray[np.int32], specs: Sequence[MetricSpec], context: MetricContext) -> Exposure | None:
    """Return the curves of lists, or None where no metric has a length or nothing is listed.

    Parameters
    ----------
    lists : (n_users, width) int32
        Item codes, best first; −1 for empty slots.
    specs : sequence of MetricSpec
        What is measured on the lists.
    context : MetricContext
        With ``item_events``.
    """
    k = next((spec.k for spec in sorted(specs, key=lambda spec: spec.kind != "catalogue") if spec.k), None)
    if k is None or context.item_events is None:
        return None
    known = context.candidates()
    top = lists[:, :k]
    listed = np.bincount(top[top >= 0], minlength=len(known))[known]
    recommendations, events = concentration(listed), concentration(context.item_events[known])
    if recommendations is None or events is None:
        return None
    return Exposure(k, int(known.sum()), recommendations, events)
