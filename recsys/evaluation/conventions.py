"""What was estimated and how, in sentences: in full for the record, in short for the reader of a table."""

from __future__ import annotations

import re
from collections.abc import Sequence

from recsys.core.times import from_micros
from recsys.evaluation.measuring import Serving
from recsys.evaluation.population import OnCold, Population
from recsys.metrics import MetricSpec


def full_conventions(
    population: Population, specs: Sequence[MetricSpec], serving: Serving, on_cold: OnCold
) -> tuple[str, ...]:
    """Return everything that a second computation of the numbers must know."""
    fresh = " not seen before" if serving.exclude_seen else ""
    notes = [
        f"measured: users with a relevant test item{fresh}, each with the same weight; relevant: {_hit(population)}",
        "full ranking: every item with a training event is a candidate; ties go to the smaller item id",
        "seen items are not listed" if serving.exclude_seen else "seen items may be listed",
        _cold(on_cold),
        *_special(serving),
    ]
    return (*notes, *(f"{spec.name}: {spec.convention}" for spec in specs))


def short_conventions(
    population: Population, specs: Sequence[MetricSpec], serving: Serving, on_cold: OnCold
) -> tuple[str, ...]:
    """Return one line on the lists and one a metric; `full_conventions` says the rest."""
    seen = "not seen before" if serving.exclude_seen else "seen before or not"
    lists = f"relevant: {_hit(population)}; candidates: all trained items, {seen}; {_cold(on_cold)}"
    return (lists, *_special(serving), *(f"{spec.name}: {_said(spec)}" for spec in specs))


def _said(spec: MetricSpec) -> str:
    reading, formula = spec.metric.reading, gist(spec.convention)
    return f"{reading} ({formula})" if reading else formula


def gist(convention: str) -> str:
    """Return the first clause of a convention, without what stands in brackets at its end.

    Examples
    --------
    >>> gist("hits over k (not min(k, ·)); 0 without one")
    'hits over k'
    """
    return re.sub(r" \((?:[^()]|\([^()]*\))*\)$", "", convention.split(";", maxsplit=1)[0])


def _hit(population: Population) -> str:
    least = population.test.relevance.at_least
    return "any test event" if least is None else f"a test value of at least {least:g}"


def _cold(on_cold: OnCold) -> str:
    return "cold users get the most popular items" if on_cold == "fallback" else "cold users are left out"


def _special(serving: Serving) -> list[str]:
    """Return what holds only when it was asked for."""
    notes = []
    if serving.history is not None:
        notes.append("histories are folded in: whoever has one is served from it alone")
    if serving.eligibility is not None:
        when = "" if serving.at is None else f" as of {from_micros(serving.at):%Y-%m-%d %H:%M}"
        notes.append(f"only eligible items{when} are listed")
    return notes
