"""Twin of the bandit kernel: the same draws and the same order of every sum, without its short cuts.

Random numbers are functions of the seed, the step and the arm, made of integer arithmetic, + − × ÷ and √ alone: the
same bytes wherever IEEE 754 holds, whatever the version of numpy or of the mathematical library.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15
COIN, EXPLORE, WHICH, ROW, JITTER = 0, 1, 2, 3, 16  # columns of a step's stream
LINEAR, BETA = 0, 1
RESOLVE_EVERY = 256

_CENTRE = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
     1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
     5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
)  # fmt: skip
_MIDDLE = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
     3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
     6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0),
)  # fmt: skip
_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
     2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
     1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0),
)  # fmt: skip


class Setting(NamedTuple):
    """How a bandit chooses and learns, checked by the dispatcher; see `recsys.kernels.bandit`."""

    kind: int
    alpha: float
    noise: float
    epsilon: float
    ridge: float
    prior_success: float
    prior_failure: float
    seed: int
    delay_events: int
    delay: int
    update_every: int
    horizon: int
    resample: bool
    jitter: float


class Arrays(NamedTuple):
    """The log, checked by the dispatcher: as `BanditEvents`, times and periods empty where there are none."""

    contexts: NDArray[np.float64]
    actions: NDArray[np.int32]
    rewards: NDArray[np.float64]
    chances: NDArray[np.float64]
    sets: NDArray[np.int32]
    set_starts: NDArray[np.int64]
    set_items: NDArray[np.int32]
    times: NDArray[np.int64]
    periods: NDArray[np.int64]


class Bandit:
    """Twin of `recsys.kernels._bandit.Bandit`."""

    def __init__(self, arrays: Arrays, setting: Setting, n_arms: int) -> None:
        d = arrays.contexts.shape[1]
        self.log, self.set = arrays, setting
        self.gram = np.tile(np.eye(d) * setting.ridge, (n_arms, 1, 1))
        self.inverse = np.tile(np.eye(d) * (1.0 / setting.ridge), (n_arms, 1, 1))
        self.moment, self.theta = np.zeros((n_arms, d)), np.zeros((n_arms, d))
        self.updates = [0] * n_arms
        self.success, self.failure = [setting.prior_success] * n_arms, [setting.prior_failure] * n_arms
        self.rows, self.steps = np.zeros(setting.horizon, np.int64), np.zeros(setting.horizon, np.int64)
        self.accepted = self.arrived = self.learned = self.batches = 0
        self.period = -0x7FFFFFFFFFFFFFFF
        self.start = mixed(setting.seed & MASK)

    def run(self, start: int, stop: int) -> None:
        """Take the steps ``start:stop``; nothing happens once the horizon is reached."""
        for step in range(start, stop):
            if self.accepted >= self.set.horizon:
                return
            key = mixed(mixed(step) ^ self.start)
            row = step
            if self.set.resample:
                n = len(self.log.actions)
                row = min(int(uniform(key, ROW) * n), n - 1)
            self._learn(row)
            if uniform(key, COIN) >= self.log.chances[row]:
                continue
            if self._choice(row, step, key) == self.log.actions[row]:
                self.rows[self.accepted], self.steps[self.accepted] = row, step
                self.accepted += 1

    def _choice(self, row: int, step: int, key: int) -> int:
        code = self.log.sets[row]
        items = self.log.set_items[self.log.set_starts[code] : self.log.set_starts[code + 1]]
        if self.set.epsilon > 0 and uniform(key, EXPLORE) < self.set.epsilon:
            return int(items[min(int(uniform(key, WHICH) * len(items)), len(items) - 1)])
        x = self._context(row, step)
        best, chosen = -math.inf, -1
        for arm in items.tolist():  # ascending: of equal scores the lowest item stays
            score = self._score(arm, x, key)
            if score > best or chosen < 0:
                best, chosen = score, arm
        return chosen

    def _context(self, row: int, step: int) -> NDArray[np.float64]:
        x: NDArray[np.float64] = self.log.contexts[row].copy()
        if self.set.resample and self.set.jitter > 0:
            key = mixed(mixed(step) ^ self.start)
            for column in range(1, len(x)):
                x[column] += self.set.jitter * normal(uniform(key, JITTER + column))
        return x

    def _score(self, arm: int, x: NDArray[np.float64], key: int) -> float:
        own = mixed(key ^ mixed(arm + 1))
        if self.set.kind == BETA:
            return beta(own, self.success[arm], self.failure[arm])
        score = dot(x, self.theta[arm])
        if self.set.alpha > 0 or self.set.noise > 0:
            width = math.sqrt(max(dot(x, times(self.inverse[arm], x)), 0.0))
            factor = self.set.alpha
            if self.set.noise > 0:
                factor += self.set.noise * normal(uniform(own, 0))
            score += factor * width
        return score

    def _learn(self, row: int) -> None:
        """Take in what has arrived, once there is a batch of it and a period has begun."""
        self.arrived = max(self.arrived, self._known(row))
        if len(self.log.periods):
            if self.log.periods[row] == self.period:
                return
            self.period = int(self.log.periods[row])
        if self.arrived - self.learned < self.set.update_every:
            return
        for place in range(self.learned, self.arrived):
            self._update(int(self.rows[place]), int(self.steps[place]))
        self.learned = self.arrived
        self.batches += 1

    def _known(self, row: int) -> int:
        if not self.set.delay:
            return max(self.accepted - self.set.delay_events, 0)
        known = self.arrived
        while known < self.accepted and self.log.times[self.rows[known]] + self.set.delay <= self.log.times[row]:
            known += 1
        return known

    def _update(self, row: int, step: int) -> None:
        arm, reward = int(self.log.actions[row]), float(self.log.rewards[row])
        self.updates[arm] += 1
        if self.set.kind == BETA:
            self.success[arm] += reward
            self.failure[arm] += 1.0 - reward
            return
        x = self._context(row, step)
        self.gram[arm] += x[:, None] * x
        self.moment[arm] += x * reward
        if self.updates[arm] % RESOLVE_EVERY == 0:
            self.inverse[arm] = inverted(self.gram[arm])
            self.theta[arm] = times(self.inverse[arm], self.moment[arm])
            return
        moved = times(self.inverse[arm], x)
        scale = 1.0 / (1.0 + dot(x, moved))
        error = (reward - dot(x, self.theta[arm])) * scale
        self.theta[arm] += moved * error
        self.inverse[arm] -= (moved[:, None] * moved) * scale


def dot(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Return the sum of products, from the first to the last."""
    total = 0.0
    for one, other in zip(left.tolist(), right.tolist(), strict=True):
        total += one * other
    return total


def times(matrix: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a symmetric matrix times a vector, row after row; rows of zeros in `x` are left out."""
    total = np.zeros(len(x))
    for place in np.flatnonzero(x):
        total += matrix[place] * x[place]
    return total


def inverted(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the inverse of a positive definite matrix by its Cholesky factor."""
    d = len(gram)
    lower, inverse, found = np.zeros((d, d)), np.zeros((d, d)), np.zeros((d, d))
    for i in range(d):
        for j in range(i + 1):
            total = float(gram[i, j])
            for k in range(j):
                total -= float(lower[i, k] * lower[j, k])
            lower[i, j] = math.sqrt(total) if i == j else total / lower[j, j]
    for j in range(d):
        inverse[j, j] = 1.0 / lower[j, j]
        for i in range(j + 1, d):
            total = 0.0
            for k in range(j, i):
                total -= float(lower[i, k] * inverse[k, j])
            inverse[i, j] = total / lower[i, i]
    for i in range(d):
        for j in range(i + 1):
            total = 0.0
            for k in range(i, d):
                total += float(inverse[k, i] * inverse[k, j])
            found[i, j] = found[j, i] = total
    return found


def mixed(word: int) -> int:
    """Return a word through the finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & MASK
    return word ^ (word >> 31)


def uniform(key: int, column: int) -> float:
    """Return a number between 0 and 1, neither included, of a key's SplitMix64 stream."""
    return ((mixed((key + (column + 1) * GOLDEN) & MASK) >> 12) + 0.5) * 2.0**-52


def logarithm(x: float) -> float:
    """Return log x of a positive number by the series of artanh, to 2 units in the last place."""
    part, exponent = math.frexp(x)
    if part < 0.7071067811865476:
        part, exponent = part * 2.0, exponent - 1
    s = (part - 1.0) / (part + 1.0)
    square, total = s * s, 0.0
    for odd in range(23, 0, -2):
        total = total * square + 1.0 / odd
    return exponent * 1.9082149292705877e-10 + 2.0 * s * total + exponent * 0.6931471803691238


def normal(p: float) -> float:
    """Return the standard normal quantile (Wichura 1988, AS 241, PPND16)."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return q * horner(_CENTRE[0], r) / horner(_CENTRE[1], r)
    r = math.sqrt(-logarithm(p if q < 0 else 1.0 - p))
    if r <= 5.0:
        r -= 1.6
        found = horner(_MIDDLE[0], r) / horner(_MIDDLE[1], r)
    else:
        r -= 5.0
        found = horner(_TAIL[0], r) / horner(_TAIL[1], r)
    return -found if q < 0 else found


def horner(coefficients: tuple[float, ...], r: float) -> float:
    """Return a polynomial, the highest power's coefficient first."""
    total = coefficients[0]
    for one in coefficients[1:]:
        total = total * r + one
    return total


def beta(key: int, success: float, failure: float) -> float:
    """Return a Beta variate as G / (G + H) of two Gamma variates."""
    first = gamma(mixed(key ^ 1), success)
    second = gamma(mixed(key ^ 2), failure)
    return first / (first + second)


def gamma(key: int, shape: float) -> float:
    """Return a Gamma variate of shape ≥ 1 (Marsaglia & Tsang 2000): squeeze, then the exact test."""
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    column = 0
    while True:
        x = normal(uniform(key, column))
        u = uniform(key, column + 1)
        column += 2
        v = 1.0 + c * x
        if v <= 0.0:
            continue
        v = v * v * v
        square = x * x
        if u < 1.0 - 0.0331 * (square * square):
            return d * v
        if logarithm(u) < 0.5 * square + d * (1.0 - v + logarithm(v)):
            return d * v
