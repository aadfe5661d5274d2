"""Norms of rows, and top-k lists without preparing the items: one inner product a candidate, or a sweep over all."""

from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t
from topn cimport TopList, finish, fixed_dot, holds, offer


cdef extern from "sweep.h" nogil:
    ctypedef struct Choice:
        const int32_t *codes
        int64_t n
        const int64_t *blocked_ptr
        const int32_t *blocked
        const int64_t *allowed_ptr
        const int32_t *allowed

    int sweep_users(
        int width, const float *users, const double *norms, const float *items, double longest, int64_t d,
        const Choice *choice, int64_t start, int64_t stop, int64_t k, int32_t *indices, float *scores)


def row_norms(const float[:, ::1] rows, double[::1] norms):
    """Fill the Euclidean norms, in double; NaN or inf where a row is not finite."""
    cdef int64_t row, column, lane, d = rows.shape[1], whole = d // 4 * 4
    cdef double[4] part
    with nogil:
        for row in range(rows.shape[0]):
            part[0] = part[1] = part[2] = part[3] = 0.0
            for column in range(0, whole, 4):
                for lane in range(4):
                    part[lane] += <double>rows[row, column + lane] * rows[row, column + lane]
            for lane in range(d - whole):
                part[lane] += <double>rows[row, whole + lane] * rows[row, whole + lane]
            norms[row] = sqrt((part[0] + part[1]) + (part[2] + part[3]))


def score_lists(
    const float[:, ::1] users,
    const float[:, ::1] items,
    const int32_t[::1] codes,
    const int64_t[::1] blocked_ptr,
    const int32_t[::1] blocked,
    const int64_t[::1] allowed_ptr,
    const int32_t[::1] allowed,
    int64_t start,
    int64_t stop,
    int32_t[:, ::1] indices,
    float[:, ::1] scores,
):
    """Fill rows start:stop by one inner product a candidate: the user's allowed row if there is one, else the codes."""
    cdef int64_t row, place, low = 0, high = codes.shape[0], d = users.shape[1]
    cdef bint limited = allowed_ptr is not None
    cdef const int32_t *candidates = &codes[0]
    cdef int32_t code
    cdef TopList best
    best.capacity = indices.shape[1]
    if limited:
        candidates = &allowed[0]
    with nogil:
        for row in range(start, stop):
            best.scores, best.items, best.size = &scores[row, 0], &indices[row, 0], 0
            if limited:
                low, high = allowed_ptr[row], allowed_ptr[row + 1]
            for place in range(low, high):
                code = candidates[place]
                if place > low and code == candidates[place - 1]:
                    continue
                if not holds(&blocked[0], blocked_ptr[row], blocked_ptr[row + 1], code):
                    offer(&best, fixed_dot(&users[row, 0], &items[code, 0], d), code)
            finish(&best)


def sweep_lists(
    int width,
    const float[:, ::1] users,
    const double[::1] norms,
    const float[:, ::1] items,
    double longest,
    const int32_t[::1] codes,
    const int64_t[::1] blocked_ptr,
    const int32_t[::1] blocked,
    const int64_t[::1] allowed_ptr,
    const int32_t[::1] allowed,
    int64_t start,
    int64_t stop,
    int32_t[:, ::1] indices,
    float[:, ::1] scores,
):
    """Fill rows start:stop by a sweep over the codes, of which there is one at least; width 1: AVX2, 2: AVX-512."""
    cdef Choice choice
    cdef int failed
    choice.codes, choice.n, choice.blocked_ptr, choice.blocked = &codes[0], codes.shape[0], &blocked_ptr[0], &blocked[0]
    choice.allowed_ptr = choice.allowed = NULL
    if allowed_ptr is not None:
        choice.allowed_ptr, choice.allowed = &allowed_ptr[0], &allowed[0]
    with nogil:
        failed = sweep_users(
            width, &users[0, 0], &norms[0], &items[0, 0], longest, users.shape[1], &choice, start, stop,
            indices.shape[1], &indices[0, 0], &scores[0, 0])
    if failed:
        raise MemoryError
