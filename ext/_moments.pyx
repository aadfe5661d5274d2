"""Sums and sums of products of columns for each group of rows. Arrays are checked by the dispatcher."""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc


cdef extern from "moments.h" nogil:
    ctypedef struct Rows:
        const double **columns
        const int64_t *strides
        int64_t n_columns
        const int32_t *groups
        int64_t n_rows
        int64_t n_groups

    void first_rows(const Rows *rows, int64_t most, int64_t *counts, double *firsts, double *sums)
    void add_rows_of_groups(
        const Rows *rows, const double *bases, int64_t *counts, double *blocks, double *totals
    )


def sums_of_first(
    list columns, const int32_t[::1] groups, int64_t most, int64_t[::1] counts, double[:, ::1] firsts, double[:, ::1] sums
):
    """Write the number, first values, and sums less the first values, of at most `most` rows of each group."""
    cdef _Columns held = _Columns(columns, groups, counts.shape[0])
    with nogil:
        first_rows(&held.rows, most, &counts[0], &firsts[0, 0], &sums[0, 0])


def sums_and_products(
    list columns, const int32_t[::1] groups, const double[:, ::1] bases, int64_t[::1] counts, double[:, ::1] blocks,
    double[:, ::1] totals,
):
    """Add rows to `totals`: k sums and the lower triangle of the products, of values less the base of their group.

    `blocks` is of the shape of `totals`, and zeros.
    """
    cdef _Columns held = _Columns(columns, groups, counts.shape[0])
    with nogil:
        add_rows_of_groups(&held.rows, &bases[0, 0], &counts[0], &blocks[0, 0], &totals[0, 0])


cdef class _Columns:
    """The addresses of columns; the arrays are the caller's to keep."""

    cdef Rows rows
    cdef const double** addresses
    cdef int64_t* strides

    def __cinit__(self, list columns, const int32_t[::1] groups, Py_ssize_t n_groups):
        cdef Py_ssize_t k = len(columns), i
        cdef const double[:] column
        self.addresses = <const double**> malloc(k * sizeof(double*))
        self.strides = <int64_t*> malloc(k * sizeof(int64_t))
        if self.addresses == NULL or self.strides == NULL:
            raise MemoryError("no memory for the addresses of columns")
        for i in range(k):
            column = columns[i]
            self.addresses[i], self.strides[i] = &column[0], column.strides[0] // <Py_ssize_t> sizeof(double)
        self.rows.columns, self.rows.strides, self.rows.n_columns = self.addresses, self.strides, k
        self.rows.groups, self.rows.n_rows, self.rows.n_groups = &groups[0], groups.shape[0], n_groups

    def __dealloc__(self):
        free(self.addresses)
        free(self.strides)
