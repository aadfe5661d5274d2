"""A learning bandit taken through a log, event by event: it learns from the events that it would have caused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import finite_float, one_of, positive_int
from recsys.core.errors import ArgumentError, DataError
from recsys.kernels import _bandit
from recsys.kernels import _reference_bandit as reference
from recsys.kernels._checks import describe
from recsys.kernels._choice import reference_wanted
from recsys.kernels.csr import vector

MOST_CELLS = 1 << 27  # of all arms' matrices: a gigabyte each
_STEPS_PER_CHUNK = 1 << 14
_KINDS = {"linear": reference.LINEAR, "beta": reference.BETA}


class BanditRule(NamedTuple):
    """How an arm is scored; the highest score is chosen, of equal ones the arm with the lowest code.

    Attributes
    ----------
    kind : {"linear", "beta"}
        ``linear``: each arm has a ridge regression of its own, with the solution θ and the inverse A⁻¹ of its Gram
        matrix; its score is ``x·θ + (alpha + noise·z)·√(x·A⁻¹x)``, z a standard normal draw. ``beta``: a draw from
        Beta(prior[0] + rewards, prior[1] + events − rewards).
    alpha, noise : float
        LinUCB has `alpha` (Li et al. 2010), Thompson sampling `noise` (Agrawal & Goyal 2013).
    epsilon : float
        With this probability an arm is drawn from the event's candidates.
    ridge : float
        The Gram matrix before the first event is ridge · I.
    prior : (float, float)
        Each at least 1.
    """

    kind: Literal["linear", "beta"] = "linear"
    alpha: float = 0.0
    noise: float = 0.0
    epsilon: float = 0.0
    ridge: float = 1.0
    prior: tuple[float, float] = (1.0, 1.0)


class BanditEvents(NamedTuple):
    """Events in their order.

    Attributes
    ----------
    contexts : (n, d) float64
        Finite, d ≥ 1. Column 0 is never jittered: the constant.
    actions : (n,) int32
        What was logged: codes from 0.
    rewards : (n,) float64
        What was earned.
    chances : (n,) float64
        From 0 to 1: with this probability an event is accepted when the bandit chooses what was logged.
    sets : (n,) int32
        The candidate set of each event.
    set_starts : (n_sets + 1,) int64
        Where each set begins and ends in `set_items`.
    set_items : (m,) int32
        The codes of each set, rising.
    times : (n,) int64, optional
        Not falling; for `delay`.
    periods : (n,) int64, optional
        The bandit learns only at the first event of each.
    """

    contexts: NDArray[np.float64]
    actions: NDArray[np.int32]
    rewards: NDArray[np.float64]
    chances: NDArray[np.float64]
    sets: NDArray[np.int32]
    set_starts: NDArray[np.int64]
    set_items: NDArray[np.int32]
    times: NDArray[np.int64] | None = None
    periods: NDArray[np.int64] | None = None


class BanditRun(NamedTuple):
    """What was accepted.

    Attributes
    ----------
    rows : (m,) int64
        The events, in their order.
    steps : (m,) int64
        The step at which each came; `rows` itself unless events were drawn anew.
    learned : int
        Rewards that the bandit has learned from.
    batches : int
        Times at which it did.
    """

    rows: NDArray[np.int64]
    steps: NDArray[np.int64]
    learned: int
    batches: int


def replay_bandit(
    events: BanditEvents,
    rule: BanditRule,
    *,
    n_arms: int,
    seed: int = 0,
    delay_events: int = 0,
    delay: int = 0,
    update_every: int = 1,
    draw: int | None = None,
    horizon: int | None = None,
    jitter: float = 0.0,
    on_done: Callable[[int], None] | None = None,
) -> BanditRun:
    """Return the events that a bandit would have caused, learning from them alone.

    At each event the bandit first learns what has arrived, then chooses; the event is accepted if the choice is what
    was logged and a coin of the event's chance says so. An inverse is updated by Sherman and Morrison's formula, and
    solved anew after every 256 events of an arm. Draws depend on the seed, the step and the arm alone.

    Parameters
    ----------
    events : BanditEvents
        The log, in the order of the replay.
    rule : BanditRule
        How it chooses and learns.
    n_arms : int
        How many actions there are, codes from 0.
    seed : int
        What the draws depend on.
    delay_events : int
        A reward is known after so many further accepted events.
    delay : int
        A reward is known to events that are later by so many units of `times`; not together with `delay_events`.
    update_every : int
        Rewards are learned when so many have arrived.
    draw : int, optional
        Take so many events drawn with replacement, and not the events in their order.
    horizon : int, optional
        End after so many accepted events.
    jitter : float
        Standard deviation of normal noise on the contexts of drawn events, all columns but the first.
    on_done : callable, optional
        Told the number of steps done.

    Raises
    ------
    ArgumentError
        For another dtype or shape, or settings that contradict each other.
    DataError
        For codes out of range, an action that is no candidate, chances outside 0 to 1, values that are not finite,
        or rewards other than 0 and 1 with ``kind="beta"``.

    Examples
    --------
    >>> n, ones = 6, np.ones((6, 1))
    >>> events = BanditEvents(ones, np.int32([0, 1, 0, 1, 0, 1]), np.array([0.0, 1, 0, 1, 0, 1]), np.ones(n),
    ...                       np.zeros(n, np.int32), np.int64([0, 2]), np.int32([0, 1]))
    >>> replay_bandit(events, BanditRule(alpha=0.5), n_arms=2).rows.tolist()
    [0, 1, 3, 5]
    """
    arrays = _arrays(events, rule, positive_int("n_arms", n_arms))
    n = len(arrays.actions)
    setting = _setting(rule, n, seed, delay_events, delay, update_every, draw, horizon, jitter)
    cells = n_arms * arrays.contexts.shape[1] ** 2
    if rule.kind == "linear" and cells > MOST_CELLS:
        raise ArgumentError(
            f"{n_arms:,} arms with {arrays.contexts.shape[1]} features need {cells:,} numbers for their matrices",
            f"at most {MOST_CELLS:,} were expected",
            "use fewer features or items",
        )
    _refuse_clash(arrays, setting)
    bandit = (reference.Bandit if reference_wanted() else _bandit.Bandit)(arrays, setting, n_arms)
    steps = n if draw is None else draw
    for start in range(0, steps if n else 0, _STEPS_PER_CHUNK):  # Ctrl-C is seen between chunks
        stop = min(start + _STEPS_PER_CHUNK, steps)
        bandit.run(start, stop)
        if on_done is not None:
            on_done(stop)
        if bandit.accepted >= setting.horizon:
            break
    kept = slice(0, bandit.accepted)
    return BanditRun(bandit.rows[kept].copy(), bandit.steps[kept].copy(), bandit.learned, bandit.batches)


def _setting(
    rule: BanditRule,
    n: int,
    seed: int,
    delay_events: int,
    delay: int,
    update_every: int,
    draw: int | None,
    horizon: int | None,
    jitter: float,
) -> reference.Setting:
    steps = n if draw is None else positive_int("draw", draw)
    return reference.Setting(
        _KINDS[one_of("kind", rule.kind, _KINDS)],
        finite_float("alpha", rule.alpha, minimum=0),
        finite_float("noise", rule.noise, minimum=0),
        finite_float("epsilon", rule.epsilon, minimum=0, maximum=1),
        finite_float("ridge", rule.ridge, above=0),
        finite_float("prior", rule.prior[0], minimum=1),
        finite_float("prior", rule.prior[1], minimum=1),
        positive_int("seed", seed, minimum=-(2**63), maximum=2**64 - 1),
        positive_int("delay_events", delay_events, minimum=0),
        positive_int("delay", delay, minimum=0),
        positive_int("update_every", update_every),
        steps if horizon is None else min(positive_int("horizon", horizon), steps),
        draw is not None,
        finite_float("jitter", jitter, minimum=0),
    )


def _arrays(events: BanditEvents, rule: BanditRule, n_arms: int) -> reference.Arrays:
    contexts = events.contexts
    if not isinstance(contexts, np.ndarray) or contexts.ndim != 2 or contexts.dtype != np.float64:
        raise ArgumentError(f"contexts is {describe(contexts)}", "a two-dimensional float64 array was expected")
    n = len(contexts)
    if not contexts.shape[1]:
        raise ArgumentError("contexts has no column", "at least one column, such as a constant, was expected")
    none = np.zeros(0, np.int64)
    arrays = reference.Arrays(
        np.ascontiguousarray(contexts),
        vector("actions", events.actions, np.int32, length=n),
        vector("rewards", events.rewards, np.float64, length=n),
        vector("chances", events.chances, np.float64, length=n),
        vector("sets", events.sets, np.int32, length=n),
        vector("set_starts", events.set_starts, np.int64),
        vector("set_items", events.set_items, np.int32),
        none if events.times is None else vector("times", events.times, np.int64, length=n),
        none if events.periods is None else vector("periods", events.periods, np.int64, length=n),
    )
    if not (np.isfinite(contexts).all() and np.isfinite(arrays.rewards).all()):
        raise DataError("a context or a reward is NaN or infinite", "finite values were expected")
    if not ((arrays.chances >= 0) & (arrays.chances <= 1)).all():
        raise DataError("a chance is not between 0 and 1", "probabilities were expected")
    if rule.kind == "beta" and not np.isin(arrays.rewards, (0.0, 1.0)).all():
        raise DataError("a reward is neither 0 nor 1", "rewards of 0 and 1 were expected: a Beta–Bernoulli model")
    _check_sets(arrays, n_arms)
    return arrays


def _check_sets(arrays: reference.Arrays, n_arms: int) -> None:
    starts, items, n = arrays.set_starts, arrays.set_items, len(arrays.actions)
    n_sets = len(starts) - 1
    if n_sets < 0 or starts[0] != 0 or starts[-1] != len(items) or (np.diff(starts) < 1).any():
        raise DataError("set_starts does not cut set_items into sets", "rising offsets from 0 to the end were expected")
    inside = np.ones(len(items), np.bool_)
    inside[starts[:-1]] = False
    if len(items) and (items.min() < 0 or items.max() >= n_arms or (np.diff(items, prepend=-1)[inside] <= 0).any()):
        raise DataError("the codes of a candidate set are wrong", f"rising codes from 0 to {n_arms - 1} were expected")
    if not n:
        return
    if arrays.sets.min() < 0 or arrays.sets.max() >= n_sets:
        raise DataError("the set of an event is out of range", f"0 to {n_sets - 1} were expected")
    pairs = np.repeat(np.arange(n_sets), np.diff(starts)) * np.int64(n_arms) + items
    wanted = arrays.sets * np.int64(n_arms) + arrays.actions
    if arrays.actions.min() < 0 or arrays.actions.max() >= n_arms or not np.isin(wanted, pairs).all():
        raise DataError("a logged action is not among the candidates of its event", "candidates were expected")


def _refuse_clash(arrays: reference.Arrays, setting: reference.Setting) -> None:
    if setting.delay and setting.delay_events:
        raise ArgumentError("delay and delay_events were both given", "one of the two was expected")
    if setting.resample and (setting.delay or len(arrays.periods)):
        raise ArgumentError("events are drawn anew, and have no order in time", "delay_events was expected")
    if setting.delay and len(arrays.times) != len(arrays.actions):
        raise ArgumentError("delay was given without times", "a time for every event was expected")
    if len(arrays.times) > 1 and (np.diff(arrays.times) < 0).any():
        raise DataError("the events are not in the order of their times", "times that do not fall were expected")
    if setting.jitter and not setting.resample:
        raise ArgumentError("jitter was given without draw", "events drawn anew were expected")
