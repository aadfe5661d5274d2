"""The gate of learning policies: whether the log can answer, and whether the path is one to conclude from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from recsys.ope.checks import Check, Limits, graded, left_of, result, tested
from recsys.ope.diagnostics import cluster_check, clusters_of, rewarded_check
from recsys.ope.learning.asking import Settings
from recsys.ope.learning.events import Events
from recsys.ope.learning.running import Path
from recsys.ope.log_checks import drift_checks, log_checks
from recsys.ope.results import Estimate, Status
from recsys.ope.weights import effective_n


def log_side(events: Events, reward: str, limits: Limits) -> Iterator[Check]:
    """Yield the checks of the log: those of every replay, and how many rows would have to count more than once."""
    yield from log_checks(events.feedback, limits)
    yield from drift_checks(events.feedback, {reward: events.feedback.rewards[reward]}, limits)
    told = "the policy learned from too few of the items that were rarely shown"
    detail = f"{100 * events.capped:.3g} % of the rows lie below the floor {events.floor:.3g}"
    status: Status = "flagged" if events.capped else "estimable"
    yield result("floor", status, events.capped, 0.0, told, detail)


def path_checks(name: str, paths: Sequence[Path], events: Events, settings: Settings) -> tuple[Check, ...]:
    """Return the checks of what a policy did: the share accepted, how many events, rewards and lessons."""
    return tuple(replace(check, policy=name) for check in _path_checks(paths, events, settings))


def _path_checks(paths: Sequence[Path], events: Events, settings: Settings) -> Iterator[Check]:
    limits = settings.limits
    yield from _path(paths[0], events, limits)
    if settings.expand:
        yield repetition(paths, events, limits)
        told = "expansions repeat events, and what is learned from one is met again: the estimate is optimistic"
        yield Check("expanded", "fail", None, None, told, downgrades="flagged")
    else:
        yield acceptance(len(paths[0].rows), events, limits)
        told = "the interval is of this replay alone: it does not know how different another would have been"
        lone = settings.replicates == 0
        yield Check("replicates", "fail" if lone else "ok", settings.replicates, 2, told if lone else "",
                    downgrades="flagged" if lone else "estimable")  # fmt: skip
    kept = np.zeros(len(events))
    np.add.at(kept, paths[0].rows, events.weights[paths[0].rows])
    clusters = clusters_of(events.feedback)
    yield rewarded_check(kept, events.feedback.rewards[settings.reward], limits, clusters)
    if clusters is not None:
        yield cluster_check(kept, clusters, limits)


def _path(path: Path, events: Events, limits: Limits) -> Iterator[Check]:
    size = effective_n(events.weights[path.rows]) if len(path.rows) else 0.0
    verdict = graded(size, fail=limits.least_size, flag=limits.good_size)
    told = "hardly any event of the log is what the policy would have caused"
    yield result("accepted", verdict, size, limits.good_size, told, f"{len(path.rows):,} of {path.offered:,} events")
    told = "the policy never learned: no batch of rewards had come by the end"
    yield result("learned", "estimable" if path.batches else "flagged", path.batches, 1, told,
                 f"{path.learned:,} rewards, {path.batches:,} times")  # fmt: skip


def acceptance(accepted: int, events: Events, limits: Limits) -> Check:
    """Test that the share accepted is the floor, as it must be whatever the policy does (binomial, two-sided).

    Given the past, each event is accepted with probability Σ_a p(a) π(a) floor / p(a) = floor, if the propensities are
    right and every candidate could be shown. With rows below the floor less is right, and only more is a fault.
    """
    from scipy.stats import binomtest

    n, floor, name = len(events), min(events.floor, 1.0), "acceptance"
    side: Literal["greater", "two-sided"] = "greater" if events.capped else "two-sided"
    pvalue = float(binomtest(accepted, n, floor, alternative=side).pvalue)
    detail = f"{100 * accepted / n:.4g} % accepted, expected {100 * floor:.4g} %"
    told = (
        "the share of events accepted depends on what the policy chooses: the propensities, or the candidates, are not"
        " what the log says"
    )
    off = abs(accepted / n - floor) / floor if floor > 0 else math.inf
    bounds = {"fail": limits.mean_weight, "flag": limits.flag_mean_weight}
    return tested(name, pvalue, off, told, detail, limits, **bounds)


def log_acceptance(checks: Mapping[str, Check], limits: Limits) -> tuple[Check, ...]:
    """Return what the shares accepted say of the log: a wrong propensity is wrong for every policy that meets it.

    One policy may go around the items that are wrong, and look fine. That any share is off is told at the level of the
    test divided by the number of policies (Bonferroni): they choose on the same events, and depend on each other.

    Parameters
    ----------
    checks : mapping of str to Check
        What `acceptance` says of each policy, by name.
    limits : Limits
        Their level.
    """
    if len(checks) < 2:
        return ()
    worst = min(checks, key=lambda name: _pvalue(checks[name]))
    found, name = checks[worst], "acceptance of the log"
    pvalue, level = min(1.0, len(checks) * _pvalue(found)), limits.level
    if pvalue >= level or found.downgrades == "estimable":
        return (Check(name, "ok", pvalue, level),)
    told = f"the share accepted for {worst} is not what the log's propensities say: they are wrong for every policy"
    return (Check(name, "fail", pvalue, level, told, found.detail, downgrades=found.downgrades),)


def _pvalue(check: Check) -> float:
    return 1.0 if check.number is None else check.number


def repetition(paths: Sequence[Path], events: Events, limits: Limits) -> Check:
    """Test that expansions accept the share that they must: what a policy remembers of single events breaks it.

    A log shows each of its contexts with one item. A policy that knows the contexts apart chooses this item where it
    earned something and another where it did not, and then the share accepted is no longer the floor. It is off by
    1/√(n floor) when the policy always chooses one item, by the chance in that item's number of rows.
    """
    from scipy.stats import norm

    name, shares = "repetition", [len(path.rows) / path.offered for path in paths]
    off = float(np.mean(shares)) / min(events.floor, 1.0) - 1.0
    pvalue = float(2 * norm.sf(abs(off) * math.sqrt(len(events) * events.floor)))
    detail = f"{100 * float(np.mean(shares)):.4g} % accepted, expected {100 * events.floor:.4g} %"
    if pvalue >= limits.level:
        return Check(name, "ok", pvalue, limits.level, detail=detail)
    told = "the policy remembers events that expansions repeat: it has too many features for this log"
    verdict = graded(abs(off), fail=limits.mean_weight, flag=limits.flag_mean_weight, low_is_bad=False)
    return Check(name, "fail", pvalue, limits.level, told, detail, downgrades=verdict)


def gated(estimate: Estimate, checks: Sequence[Check]) -> Estimate:
    """Return the estimate behind the checks of the log and of its policy."""
    return left_of(estimate, [one for one in checks if one.policy in ("", estimate.policy)])
