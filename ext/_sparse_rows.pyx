"""Rows of a sparse history times a sparse item-item matrix, written to dense rows."""

from libc.stdint cimport int32_t, int64_t


def add_rows(
    const int64_t[::1] history_ptr,
    const int32_t[::1] history,
    const float[::1] history_data,
    const int64_t[::1] weight_ptr,
    const int32_t[::1] weight_codes,
    const float[::1] weights,
    int64_t start,
    int64_t stop,
    float[:, ::1] out,
):
    """Add the products of the rows ``start:stop`` to the output."""
    cdef int64_t row, place, entry
    cdef float value
    cdef float *line
    with nogil:
        for row in range(start, stop):
            if history_ptr[row] == history_ptr[row + 1]:
                continue
            line = &out[row, 0]
            for place in range(history_ptr[row], history_ptr[row + 1]):
                value = history_data[place]
                for entry in range(weight_ptr[history[place]], weight_ptr[history[place] + 1]):
                    line[weight_codes[entry]] += value * weights[entry]
