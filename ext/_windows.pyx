"""Rows added to the totals of their unit, in windows from the unit's start. Arrays are checked by the dispatcher."""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free, malloc


cdef extern from "windows.h" nogil:
    ctypedef struct Window:
        int64_t begin
        uint64_t length
        uint64_t totals

    ctypedef struct Filter:
        const unsigned char *passes
        uint64_t totals

    ctypedef struct Totals:
        const int32_t *units
        const int64_t *times
        const int64_t *starts
        const Window *windows
        const Filter *filters
        int64_t n_windows
        int64_t n_filters
        uint64_t unfiltered
        const int32_t *functions
        const double **columns
        double *sums
        int64_t *left_out
        int64_t stride

    void add_rows(const Totals *totals, int64_t start, int64_t stop, int32_t first_unit, int32_t last_unit)


def add(
    const int32_t[::1] units, const int64_t[::1] times, const int64_t[::1] starts, Py_ssize_t start, Py_ssize_t stop,
    int32_t first_unit, int32_t last_unit, const int64_t[:, ::1] windows, const uint64_t[::1] window_totals,
    list masks, const uint64_t[::1] mask_totals, uint64_t unfiltered, const int32_t[::1] functions, list columns,
    double[:, ::1] sums, int64_t[::1] left_out,
):
    """Add the rows ``start:stop`` of the units ``first_unit:last_unit``.

    A window is (begin, length); `window_totals` and `mask_totals` say which totals have it, one bit each. `columns` holds
    for each total its array of values, or None.
    """
    cdef Py_ssize_t n_windows = windows.shape[0], n_masks = len(masks), n = len(columns), i
    cdef const unsigned char[::1] mask
    cdef const double[::1] column
    cdef Totals totals
    cdef Window* window_list = <Window*> malloc((n_windows + 1) * sizeof(Window))
    cdef Filter* filters = <Filter*> malloc((n_masks + 1) * sizeof(Filter))
    cdef const double** values = <const double**> malloc((n + 1) * sizeof(double*))
    try:
        if window_list == NULL or filters == NULL or values == NULL:
            raise MemoryError("no memory for the declarations of totals")
        for i in range(n_windows):
            window_list[i].begin, window_list[i].length = windows[i, 0], <uint64_t> windows[i, 1]
            window_list[i].totals = window_totals[i]
        for i in range(n_masks):
            mask = masks[i]
            filters[i].passes, filters[i].totals = &mask[0], mask_totals[i]
        for i in range(n):
            values[i] = NULL
            if columns[i] is not None:
                column = columns[i]
                values[i] = &column[0]
        totals.units, totals.times, totals.starts = &units[0], &times[0], &starts[0]
        totals.windows, totals.n_windows = window_list, n_windows
        totals.filters, totals.n_filters, totals.unfiltered = filters, n_masks, unfiltered
        totals.functions, totals.columns = &functions[0], values
        totals.sums, totals.left_out, totals.stride = &sums[0, 0], &left_out[0], sums.shape[1]
        with nogil:
            add_rows(&totals, start, stop, first_unit, last_unit)
    finally:
        free(window_list)
        free(filters)
        free(values)
