"""Fused top-k over factors.

A group of users meets a panel of items in vector registers (panels.h). Those scores are only a prefilter: a score is
dropped if it stays below the user's threshold by more than the proven rounding error of two float32 inner products; the
few that are left are summed again in the fixed order of `fixed_dot`, which alone decides. Items come sorted by norm, so
that a user is done once |user| * |item| (Cauchy-Schwarz) cannot reach the threshold any more.
"""

from libc.float cimport FLT_MIN
from libc.math cimport INFINITY, nextafterf, sqrt
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset
from topn cimport TopList, finish, fixed_dot, holds, next_above, offer, threshold


cdef extern from "panels.h" nogil:
    enum:
        GROUP
        PANEL
    void score_panel(int path, const float *users, const float *items, int64_t d, float *scores)
    int widest_path()

cdef enum:
    BLOCK = 16  # panels: 512 items, which fit into the second-level cache

GROUP_USERS, PANEL_ITEMS = GROUP, PANEL
PATHS = ("baseline", "avx2", "avx512")[: widest_path() + 1]


cdef struct User:
    TopList best
    const float *factors
    double norm
    float bar  # an approximate score must be above it
    int64_t row


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


def pack_panels(
    const float[:, ::1] items, const int32_t[::1] codes, int64_t start, int64_t stop, float[:, :, ::1] panels
):
    """Fill panels start:stop with the items `codes`, in that order, as panels[panel, column, place]; the rest is 0."""
    cdef int64_t panel, column, place, d = items.shape[1], n = codes.shape[0]
    cdef const float *item
    with nogil:
        for panel in range(start, stop):
            for place in range(PANEL):
                if panel * PANEL + place >= n:
                    for column in range(d):
                        panels[panel, column, place] = 0.0
                    continue
                item = &items[codes[panel * PANEL + place], 0]
                for column in range(d):
                    panels[panel, column, place] = item[column]


cdef inline float bar_below(float reached, double slack) noexcept nogil:
    """A float below every approximate score whose final score may reach the threshold."""
    return nextafterf(<float>(reached - slack), -INFINITY)


cdef void pack_group(const User *users, int64_t n, int64_t d, float *packed) noexcept nogil:
    cdef int64_t user, column
    for user in range(n):
        for column in range(d):
            packed[column * GROUP + user] = users[user].factors[column]


def score_tiles(
    const float[:, ::1] users,
    const double[::1] user_norms,
    const float[:, ::1] items,
    const float[:, :, ::1] panels,
    const double[::1] item_norms,
    const int32_t[::1] codes,
    const int64_t[::1] blocked_ptr,
    const int32_t[::1] blocked,
    const int64_t[::1] allowed_ptr,
    const int32_t[::1] allowed,
    int path,
    int64_t start,
    int64_t stop,
    int32_t[:, ::1] indices,
    float[:, ::1] scores,
):
    """Fill rows start:stop; `codes`, their norms and panels come by falling norm."""
    cdef int64_t n_active = stop - start, n_items = codes.shape[0], n_panels = panels.shape[0], d = users.shape[1]
    cdef int64_t n_groups = (n_active + GROUP - 1) // GROUP
    cdef float *packed = <float *>malloc(n_groups * GROUP * d * sizeof(float))
    cdef User *active = <User *>malloc(n_active * sizeof(User))
    # 4 n u >= 2 n u / (1 - n u): two inner products of length n, each off by at most that share of |user| |item|, in
    # any order of summation (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., eq. 3.5). The floor is for
    # machines that flush underflow to zero.
    cdef double rate = 4.0 * (d + 8) * 2.0**-24, floor = 4.0 * d * FLT_MIN, largest
    cdef int64_t block, panel, group, place, item, width, kept, first, last
    cdef bint limited = allowed_ptr is not None, moved = True
    cdef float[GROUP * PANEL] tile
    cdef float *line
    cdef User *user
    cdef int32_t code
    try:
        if packed is NULL or active is NULL:
            raise MemoryError
        with nogil:
            memset(packed, 0, n_groups * GROUP * d * sizeof(float))
            for place in range(n_active):
                user = &active[place]
                user.row, user.factors, user.norm = start + place, &users[start + place, 0], user_norms[start + place]
                user.best.scores, user.best.items = &scores[user.row, 0], &indices[user.row, 0]
                user.best.size, user.best.capacity = 0, indices.shape[1]
            for block in range((n_panels + BLOCK - 1) // BLOCK):
                largest = item_norms[block * BLOCK * PANEL]
                kept = 0
                for place in range(n_active):
                    user = &active[place]
                    if user.norm * largest * (1.0 + rate) + floor < threshold(&user.best):
                        finish(&user.best)
                        moved = True
                        continue
                    user.bar = bar_below(threshold(&user.best), user.norm * largest * rate + floor)
                    active[kept] = user[0]
                    kept += 1
                n_active = kept
                n_groups = (n_active + GROUP - 1) // GROUP
                if moved:
                    for group in range(n_groups):
                        first = group * GROUP
                        pack_group(&active[first], min(<int64_t>GROUP, n_active - first), d, &packed[first * d])
                    moved = False
                last = min((block + 1) * <int64_t>BLOCK, n_panels)
                for group in range(n_groups):
                    for panel in range(block * <int64_t>BLOCK, last):
                        score_panel(path, &packed[group * GROUP * d], &panels[panel, 0, 0], d, tile)
                        first = panel * PANEL
                        width = min(<int64_t>PANEL, n_items - first)
                        for place in range(min(<int64_t>GROUP, n_active - group * GROUP)):
                            user, line = &active[group * GROUP + place], &tile[place * PANEL]
                            item = next_above(line, 0, width, user.bar)
                            while item < width:
                                code = codes[first + item]
                                if not holds(&blocked[0], blocked_ptr[user.row], blocked_ptr[user.row + 1], code) and (
                                    not limited
                                    or holds(&allowed[0], allowed_ptr[user.row], allowed_ptr[user.row + 1], code)
                                ):
                                    offer(&user.best, fixed_dot(user.factors, &items[code, 0], d), code)
                                    user.bar = bar_below(threshold(&user.best), user.norm * largest * rate + floor)
                                item = next_above(line, item + 1, width, user.bar)
            for place in range(n_active):
                finish(&active[place].best)
    finally:
        free(packed)
        free(active)
