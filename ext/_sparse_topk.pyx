"""Top-k of a sparse history times a sparse item-item matrix, row by row; the product is never stored."""

from libc.math cimport isfinite
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free, malloc
from topn cimport TopList, finish, offer


cdef enum:
    TOUCHED = 1
    BLOCKED = 2
    ALLOWED = 4


def multiply_rows(
    const int64_t[::1] history_ptr,
    const int32_t[::1] history,
    const float[::1] history_data,
    const int64_t[::1] weight_ptr,
    const int32_t[::1] weight_codes,
    const float[::1] weights,
    const unsigned char[::1] eligible,
    const int64_t[::1] blocked_ptr,
    const int32_t[::1] blocked,
    const int64_t[::1] allowed_ptr,
    const int32_t[::1] allowed,
    int64_t start,
    int64_t stop,
    int32_t[:, ::1] indices,
    float[:, ::1] scores,
):
    """Fill rows start:stop of the output; return the first row with a score that is not finite, or -1."""
    cdef int64_t n_items = weight_ptr.shape[0] - 1, row, place, entry, n_touched, bad = -1
    cdef bint masked = eligible is not None, limited = allowed_ptr is not None
    cdef unsigned char wanted = TOUCHED | ALLOWED if limited else TOUCHED
    cdef float *sums = <float *>malloc((n_items + 1) * sizeof(float))
    cdef int32_t *touched = <int32_t *>malloc((n_items + 1) * sizeof(int32_t))
    cdef unsigned char *state = <unsigned char *>calloc(n_items + 1, 1)
    cdef int32_t code
    cdef float value
    cdef TopList best
    best.capacity = indices.shape[1]
    try:
        if sums is NULL or touched is NULL or state is NULL:
            raise MemoryError
        with nogil:
            for row in range(start, stop):
                n_touched = 0
                for place in range(history_ptr[row], history_ptr[row + 1]):
                    value = history_data[place]
                    for entry in range(weight_ptr[history[place]], weight_ptr[history[place] + 1]):
                        code = weight_codes[entry]
                        if not state[code]:
                            state[code] = TOUCHED
                            touched[n_touched] = code
                            n_touched += 1
                            sums[code] = 0.0
                        sums[code] += value * weights[entry]
                for place in range(blocked_ptr[row], blocked_ptr[row + 1]):
                    state[blocked[place]] |= BLOCKED
                if limited:
                    for place in range(allowed_ptr[row], allowed_ptr[row + 1]):
                        state[allowed[place]] |= ALLOWED
                best.scores, best.items, best.size = &scores[row, 0], &indices[row, 0], 0
                for place in range(n_touched):
                    code = touched[place]
                    if not isfinite(sums[code]):
                        bad = row
                        break
                    if state[code] == wanted and (not masked or eligible[code]):
                        offer(&best, sums[code], code)
                    state[code] = 0
                if bad >= 0:
                    break
                for place in range(blocked_ptr[row], blocked_ptr[row + 1]):
                    state[blocked[place]] = 0
                if limited:
                    for place in range(allowed_ptr[row], allowed_ptr[row + 1]):
                        state[allowed[place]] = 0
                finish(&best)
    finally:
        free(sums)
        free(touched)
        free(state)
    return bad
