"""Top-k of each row of a dense score block."""

from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t
from topn cimport TopList, finish, holds, next_above, offer, threshold


def select_rows(
    const float[:, ::1] scores,
    int64_t start,
    int64_t stop,
    const unsigned char[::1] eligible,
    const int64_t[::1] blocked_ptr,
    const int32_t[::1] blocked,
    const int64_t[::1] allowed_ptr,
    const int32_t[::1] allowed,
    int32_t[:, ::1] indices,
    float[:, ::1] values,
):
    """Fill rows start:stop of the output; return the first row with NaN or +inf, or -1."""
    cdef bint masked = eligible is not None, limited = allowed_ptr is not None
    cdef int64_t row, place, n = scores.shape[1], bad = -1
    cdef const float *line
    cdef float score
    cdef TopList best
    best.capacity = indices.shape[1]
    with nogil:
        for row in range(start, stop):
            line = &scores[row, 0] if n else NULL
            best.scores, best.items, best.size = &values[row, 0], &indices[row, 0], 0
            place = next_above(line, 0, n, -INFINITY)
            while place < n:
                score = line[place]
                if not score < INFINITY:
                    bad = row
                    break
                if (
                    (not masked or eligible[place])
                    and not holds(&blocked[0], blocked_ptr[row], blocked_ptr[row + 1], <int32_t>place)
                    and (not limited or holds(&allowed[0], allowed_ptr[row], allowed_ptr[row + 1], <int32_t>place))
                ):
                    offer(&best, score, <int32_t>place)
                place = next_above(line, place + 1, n, threshold(&best))
            if bad >= 0:
                break
            finish(&best)
    return bad
