"""Fused top-k over factors.

BLAS multiplies a tile of users with a block of items that stays in the cache. Its scores are only a prefilter: a score is
dropped if it stays below the user's threshold by more than the proven rounding error of two float32 inner products; the
few that are left are summed again in the fixed order of `fixed_dot`, which alone decides. Items come sorted by norm, so
that a user is done once |user| * |item| (Cauchy-Schwarz) cannot reach the threshold any more.
"""

from libc.float cimport FLT_MIN
from libc.math cimport INFINITY, nextafterf, sqrt
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from scipy.linalg.cython_blas cimport sgemm
from topn cimport TopList, finish, fixed_dot, holds, next_above, offer, threshold


cdef enum:
    BLOCK = 256


def row_norms(const float[:, ::1] rows, double[::1] norms):
    """Fill the Euclidean norms, in double; NaN or inf where a row is not finite."""
    cdef int64_t row, column, d = rows.shape[1]
    cdef double[4] part
    with nogil:
        for row in range(rows.shape[0]):
            part[0] = part[1] = part[2] = part[3] = 0.0
            for column in range(d):
                part[column & 3] += <double>rows[row, column] * rows[row, column]
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


def score_tiles(
    const float[:, ::1] users,
    const double[::1] user_norms,
    const float[:, ::1] items,
    const double[::1] item_norms,
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
    """Fill rows start:stop; the items come by falling norm, `codes` says which they are."""
    cdef int64_t n_users = stop - start, n_items = items.shape[0], d = users.shape[1]
    cdef float *packed = <float *>malloc(n_users * d * sizeof(float))
    cdef float *tile = <float *>malloc(n_users * BLOCK * sizeof(float))
    cdef TopList *best = <TopList *>malloc(n_users * sizeof(TopList))
    cdef int64_t *active = <int64_t *>malloc(n_users * sizeof(int64_t))
    # 4 n u >= 2 n u / (1 - n u): two inner products of length n, each off by at most that share of |user| |item| (Higham,
    # Accuracy and Stability of Numerical Algorithms, 2nd ed., eq. 3.5, any order of summation); the floor is for underflow.
    cdef double rate = 4.0 * (d + 8) * 2.0**-24, floor = 4.0 * d * FLT_MIN, reach
    cdef int64_t block, first, row, place, n_active = n_users, kept, item, width
    cdef int m, n, depth = <int>d, stride = BLOCK
    cdef float one = 1.0, zero = 0.0, bar
    cdef float *line
    cdef int32_t code
    cdef bint limited = allowed_ptr is not None
    try:
        if packed is NULL or tile is NULL or best is NULL or active is NULL:
            raise MemoryError
        with nogil:
            memcpy(packed, &users[start, 0], n_users * d * sizeof(float))
            for row in range(n_users):
                active[row] = row
                best[row].scores, best[row].items = &scores[start + row, 0], &indices[start + row, 0]
                best[row].size, best[row].capacity = 0, indices.shape[1]
            for block in range((n_items + BLOCK - 1) // BLOCK):
                first = block * BLOCK
                width = min(<int64_t>BLOCK, n_items - first)
                kept = 0
                for place in range(n_active):
                    row = active[place]
                    reach = user_norms[start + row] * item_norms[first] * (1.0 + rate) + floor
                    if reach < threshold(&best[row]):
                        continue
                    if kept < place:
                        active[kept] = row
                        memcpy(&packed[kept * d], &packed[place * d], d * sizeof(float))
                    kept += 1
                n_active = kept
                if n_active == 0:
                    break
                m, n = <int>width, <int>n_active
                sgemm("T", "N", &m, &n, &depth, &one, <float *>&items[first, 0], &depth, packed, &depth, &zero, tile, &stride)
                for place in range(n_active):
                    row = active[place]
                    line = &tile[place * BLOCK]
                    reach = user_norms[start + row] * item_norms[first] * rate + floor
                    bar = nextafterf(<float>(threshold(&best[row]) - reach), -INFINITY)
                    item = next_above(line, 0, width, bar)
                    while item < width:
                        code = codes[first + item]
                        if not holds(&blocked[0], blocked_ptr[start + row], blocked_ptr[start + row + 1], code) and (
                            not limited or holds(&allowed[0], allowed_ptr[start + row], allowed_ptr[start + row + 1], code)
                        ):
                            offer(&best[row], fixed_dot(&packed[place * d], &items[first + item, 0], d), code)
                            bar = nextafterf(<float>(threshold(&best[row]) - reach), -INFINITY)
                        item = next_above(line, item + 1, width, bar)
            for row in range(n_users):
                finish(&best[row])
    finally:
        free(packed)
        free(tile)
        free(best)
        free(active)
