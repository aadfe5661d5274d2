"""Sums and quantiles under Poisson bootstrap weights. Arrays are checked by the dispatcher."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t


cdef extern from "poisson.h" nogil:
    enum:
        TOGETHER

    void poisson_sums(
        int wide, uint64_t seed, const int64_t *keys, const int32_t *groups, const double *values, int64_t n_columns,
        int64_t start, int64_t stop, uint32_t batch, double *sums)
    void poisson_places(
        int wide, uint64_t seed, const int64_t *keys, int64_t start, int64_t stop, uint32_t batch, int32_t *totals,
        const int32_t *targets, int32_t *places)

BATCH = TOGETHER


def add_sums(
    bint wide, uint64_t seed, const int64_t[::1] keys, const int32_t[::1] groups, const double[:, ::1] values,
    Py_ssize_t start, Py_ssize_t stop, uint32_t batch, double[:, :, ::1] sums,
):
    """Add the units ``start:stop`` to the (n_groups, n_columns + 1, 128) sums of a batch of replicates."""
    cdef int64_t n_columns = values.shape[1]
    cdef const double* first = &values[0, 0] if n_columns else NULL
    with nogil:
        poisson_sums(wide, seed, &keys[0], &groups[0], first, n_columns, start, stop, batch, &sums[0, 0, 0])


def add_places(
    bint wide, uint64_t seed, const int64_t[::1] keys, Py_ssize_t start, Py_ssize_t stop, uint32_t batch,
    int32_t[::1] totals, const int32_t[::1] targets, int32_t[::1] places,
):
    """Add the weights of the units ``start:stop`` to 128 totals, and count the units before these reach the targets."""
    with nogil:
        poisson_places(wide, seed, &keys[0], start, stop, batch, &totals[0], &targets[0], &places[0])
