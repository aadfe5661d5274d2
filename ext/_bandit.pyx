"""Event-by-event replay of linear and Beta–Bernoulli bandits. Arrays are checked by the dispatcher.

The order of every sum is that of the twin. Two things are not done: a row whose coin refuses it is not scored, and the
scoring of a row ends with the first arm that beats the logged one.
"""

import numpy as np

from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t, uint64_t

cdef extern from "bandit.h" nogil:
    uint64_t mixed(uint64_t word)
    double uniform(uint64_t key, uint64_t column)
    double normal(double p)
    double beta_variate(uint64_t key, double success, double failure)
    void times_vector(const double* matrix, const double* x, double* out, int64_t d)
    double dot(const double* left, const double* right, int64_t d)
    void grow(double* gram, double* moment, const double* x, double reward, int64_t d)
    void shrink(double* inverse, double* theta, const double* x, double* moved, double reward, int64_t d)
    void resolve(const double* gram, double* inverse, double* theta, const double* moment, double* room, int64_t d)

cdef enum:
    COIN = 0
    EXPLORE = 1
    WHICH = 2
    ROW = 3
    JITTER = 16
    BETA = 1
    RESOLVE_EVERY = 256


cdef class Bandit:
    """A bandit and the log that it is replayed on; ``run(start, stop)`` takes steps, and may be called chunk by chunk."""

    cdef const double[:, ::1] contexts
    cdef const int32_t[::1] actions, sets, set_items
    cdef const double[::1] rewards, chances
    cdef const int64_t[::1] set_starts, times, periods
    cdef double[:, :, ::1] gram, inverse
    cdef double[:, ::1] moment, theta
    cdef double[::1] success, failure, x, moved, room
    cdef int64_t[::1] updates
    cdef readonly object rows, steps
    cdef int64_t[::1] row_of, step_of
    cdef readonly int64_t accepted, arrived, learned, batches
    cdef int64_t period, delay_events, delay, update_every, horizon, d
    cdef int kind
    cdef bint resample
    cdef double alpha, noise, epsilon, jitter
    cdef uint64_t origin

    def __init__(self, arrays, setting, Py_ssize_t n_arms):
        self.contexts, self.actions, self.rewards, self.chances = arrays[:4]
        self.sets, self.set_starts, self.set_items, self.times, self.periods = arrays[4:]
        d = self.contexts.shape[1]
        self.d = d
        (self.kind, self.alpha, self.noise, self.epsilon, ridge, success, failure, seed, self.delay_events, self.delay,
         self.update_every, self.horizon, self.resample, self.jitter) = setting
        linear = 0 if self.kind == BETA else n_arms
        self.gram = np.tile(np.eye(d) * ridge, (linear, 1, 1))
        self.inverse = np.tile(np.eye(d) * (1.0 / ridge), (linear, 1, 1))
        self.moment, self.theta = np.zeros((linear, d)), np.zeros((linear, d))
        self.success, self.failure = np.full(n_arms, success), np.full(n_arms, failure)
        self.updates = np.zeros(n_arms, np.int64)
        self.x, self.moved, self.room = np.zeros(d), np.zeros(d), np.zeros(2 * d * d)
        self.rows, self.steps = np.zeros(self.horizon, np.int64), np.zeros(self.horizon, np.int64)
        self.row_of, self.step_of = self.rows, self.steps
        self.accepted = self.arrived = self.learned = self.batches = 0
        self.period = -0x7FFFFFFFFFFFFFFF
        self.origin = mixed(<uint64_t> (seed & 0xFFFFFFFFFFFFFFFF))

    def run(self, int64_t start, int64_t stop):
        """Take the steps ``start:stop``; nothing happens once the horizon is reached."""
        cdef int64_t step, row, n = self.actions.shape[0]
        cdef uint64_t key
        with nogil:
            for step in range(start, stop):
                if self.accepted >= self.horizon:
                    break
                key = mixed(mixed(<uint64_t> step) ^ self.origin)
                row = step
                if self.resample:
                    row = min(<int64_t> (uniform(key, ROW) * <double> n), n - 1)
                self.learn(row)
                if uniform(key, COIN) >= self.chances[row]:
                    continue
                if self.would_choose(row, step, key):
                    self.row_of[self.accepted] = row
                    self.step_of[self.accepted] = step
                    self.accepted += 1

    cdef bint would_choose(self, int64_t row, int64_t step, uint64_t key) noexcept nogil:
        """Return whether the bandit chooses what was logged: no other arm scores more, or as much at a lower code."""
        cdef int64_t first = self.set_starts[self.sets[row]], last = self.set_starts[self.sets[row] + 1], place
        cdef int32_t logged = self.actions[row], arm
        cdef double own, score
        if self.epsilon > 0.0 and uniform(key, EXPLORE) < self.epsilon:
            place = min(<int64_t> (uniform(key, WHICH) * <double> (last - first)), last - first - 1)
            return self.set_items[first + place] == logged
        self.set_context(row, step)
        own = self.score(logged, key)
        for place in range(first, last):
            arm = self.set_items[place]
            if arm != logged:
                score = self.score(arm, key)
                if score > own or (score == own and arm < logged):
                    return False
        return True

    cdef void set_context(self, int64_t row, int64_t step) noexcept nogil:
        cdef int64_t column
        cdef uint64_t key
        for column in range(self.d):
            self.x[column] = self.contexts[row, column]
        if self.resample and self.jitter > 0.0:
            key = mixed(mixed(<uint64_t> step) ^ self.origin)
            for column in range(1, self.d):
                self.x[column] += self.jitter * normal(uniform(key, JITTER + column))

    cdef double score(self, int32_t arm, uint64_t key) noexcept nogil:
        cdef uint64_t own
        cdef double found, width, factor = self.alpha
        if self.kind == BETA:
            return beta_variate(mixed(key ^ mixed(<uint64_t> arm + 1)), self.success[arm], self.failure[arm])
        found = dot(&self.x[0], &self.theta[arm, 0], self.d)
        if self.alpha > 0.0 or self.noise > 0.0:
            times_vector(&self.inverse[arm, 0, 0], &self.x[0], &self.moved[0], self.d)
            width = dot(&self.x[0], &self.moved[0], self.d)
            width = sqrt(width if width > 0.0 else 0.0)
            if self.noise > 0.0:
                own = mixed(key ^ mixed(<uint64_t> arm + 1))
                factor = factor + self.noise * normal(uniform(own, 0))
            found = found + factor * width
        return found

    cdef void learn(self, int64_t row) noexcept nogil:
        """Take in what has arrived, once there is a batch of it and a period has begun."""
        cdef int64_t place
        if self.delay == 0:
            self.arrived = max(self.arrived, self.accepted - self.delay_events)
        else:
            while (self.arrived < self.accepted
                    and self.times[self.row_of[self.arrived]] + self.delay <= self.times[row]):
                self.arrived += 1
        if self.periods.shape[0]:
            if self.periods[row] == self.period:
                return
            self.period = self.periods[row]
        if self.arrived - self.learned < self.update_every:
            return
        for place in range(self.learned, self.arrived):
            self.update(self.row_of[place], self.step_of[place])
        self.learned = self.arrived
        self.batches += 1

    cdef void update(self, int64_t row, int64_t step) noexcept nogil:
        cdef int32_t arm = self.actions[row]
        cdef double reward = self.rewards[row]
        self.updates[arm] += 1
        if self.kind == BETA:
            self.success[arm] += reward
            self.failure[arm] += 1.0 - reward
            return
        self.set_context(row, step)
        grow(&self.gram[arm, 0, 0], &self.moment[arm, 0], &self.x[0], reward, self.d)
        if self.updates[arm] % RESOLVE_EVERY == 0:
            resolve(&self.gram[arm, 0, 0], &self.inverse[arm, 0, 0], &self.theta[arm, 0], &self.moment[arm, 0],
                    &self.room[0], self.d)
        else:
            shrink(&self.inverse[arm, 0, 0], &self.theta[arm, 0], &self.x[0], &self.moved[0], reward, self.d)


def draws(what, uint64_t key, double first=1.0, double second=1.0):
    """Return one draw of a key, ``"normal"`` (of its first uniform) or ``"beta"``: what tests hold against scipy."""
    if what == "normal":
        return normal(uniform(key, 0))
    return beta_variate(key, first, second)
