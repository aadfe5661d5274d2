"""Ranking metrics of many users' lists, and exact rank counts of target items. Arrays are checked by the dispatcher."""

from libc.math cimport INFINITY, NAN
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, qsort
from libc.string cimport memcpy

cdef enum:
    RECALL = 0
    PRECISION = 1
    HIT_RATE = 2
    MRR = 3
    MAP = 4
    NDCG = 5
    GRADED_NDCG = 6

cdef enum:
    FINE = 0
    BAD_ITEM = 1
    BAD_GAP = 2

cdef struct User:
    const int32_t* items  # relevant ones, rising
    Py_ssize_t n_items
    const int32_t* slots
    const int32_t* ranks  # of the hits, from 0, rising
    Py_ssize_t n_hits
    double* ideal  # room for the gains of the relevant items


cdef int compare_falling(const void* left, const void* right) noexcept nogil:
    cdef double a = (<const double*> left)[0]
    cdef double b = (<const double*> right)[0]
    return (a < b) - (a > b)


cdef int find_hits(
    const int32_t* slots, Py_ssize_t n_slots, const int32_t* items, Py_ssize_t n_relevant,
    int64_t n_items, uint64_t* marks, int32_t* ranks, Py_ssize_t* n_hits,
) noexcept nogil:
    """Write the ranks of the first occurrences of relevant items; `marks` is all zero before and after."""
    cdef Py_ssize_t i, end = n_slots, n = 0
    cdef uint64_t bit, word
    cdef int32_t item
    cdef int state = FINE
    for i in range(n_relevant):
        marks[items[i] >> 6] |= <uint64_t> 1 << (items[i] & 63)
    for i in range(n_slots):
        item = slots[i]
        if item < 0 or item >= n_items:
            end = i
            break
        word = marks[item >> 6]
        bit = word >> (item & 63) & 1
        ranks[n] = <int32_t> i
        n += bit
        marks[item >> 6] = word & ~(bit << (item & 63))  # a repeated item cannot hit twice
    for i in range(n_relevant):
        marks[items[i] >> 6] = 0
    n_hits[0] = n
    for i in range(end, n_slots):
        if slots[i] < -1 or slots[i] >= n_items:
            return BAD_ITEM
        if slots[i] != -1:
            state = BAD_GAP
    return state


cdef double average_precision(const User* user, int32_t k) noexcept nogil:
    cdef double total = 0.0
    cdef Py_ssize_t i
    for i in range(user.n_hits):
        if user.ranks[i] >= k:
            break
        total += (<double> (i + 1)) / (<double> (user.ranks[i] + 1))
    return total / <double> min(k, user.n_items)


cdef double ndcg(const User* user, int32_t k, const double* discounts, const double* ideals) noexcept nogil:
    cdef double total = 0.0
    cdef Py_ssize_t i
    for i in range(user.n_hits):
        if user.ranks[i] >= k:
            break
        total += discounts[user.ranks[i]]
    return total / ideals[min(k, user.n_items)]


cdef Py_ssize_t position(const int32_t* items, Py_ssize_t n, int32_t item) noexcept nogil:
    cdef Py_ssize_t low = 0, high = n, middle
    while low < high:
        middle = (low + high) // 2
        if items[middle] < item:
            low = middle + 1
        else:
            high = middle
    return low


cdef double graded_ndcg(const User* user, int32_t k, const double* gains, const double* discounts) noexcept nogil:
    cdef double total = 0.0, best = 0.0
    cdef Py_ssize_t i
    for i in range(user.n_hits):
        if user.ranks[i] >= k:
            break
        total += gains[position(user.items, user.n_items, user.slots[user.ranks[i]])] * discounts[user.ranks[i]]
    memcpy(user.ideal, gains, user.n_items * sizeof(double))
    qsort(user.ideal, user.n_items, sizeof(double), compare_falling)
    for i in range(min(k, user.n_items)):
        best += user.ideal[i] * discounts[i]
    return total / best


cdef double metric(
    int kind, int32_t k, const User* user, const double* gains, const double* discounts, const double* ideals,
) noexcept nogil:
    cdef Py_ssize_t hits = 0
    if kind == MAP:
        return average_precision(user, k)
    if kind == NDCG:
        return ndcg(user, k, discounts, ideals)
    if kind == GRADED_NDCG:
        return graded_ndcg(user, k, gains, discounts)
    while hits < user.n_hits and user.ranks[hits] < k:
        hits += 1
    if kind == RECALL:
        return (<double> hits) / (<double> user.n_items)
    if kind == PRECISION:
        return (<double> hits) / (<double> k)
    if kind == HIT_RATE:
        return 1.0 if hits else 0.0
    return 1.0 / (<double> (user.ranks[0] + 1)) if hits else 0.0


def ranking_metrics(
    const int32_t[:, ::1] lists, const int64_t[::1] indptr, const int32_t[::1] indices, const double[:, ::1] gains,
    const int32_t[::1] kinds, const int32_t[::1] ks, const int32_t[::1] gain_rows,
    const double[::1] discounts, const double[::1] ideals, int64_t n_items,
    Py_ssize_t start, Py_ssize_t stop, double[:, ::1] out,
):
    """Fill ``out[start:stop]``; return (state, user): 0 fine, 1 a code out of range, 2 an item after an empty slot."""
    cdef Py_ssize_t n_slots = lists.shape[1], n_specs = kinds.shape[0], row, i, longest = 1
    cdef int state = FINE
    cdef User user
    cdef const double* user_gains
    for row in range(start, stop):
        longest = max(longest, indptr[row + 1] - indptr[row])
    cdef uint64_t* marks = <uint64_t*> calloc(n_items // 64 + 1, sizeof(uint64_t))
    cdef int32_t* ranks = <int32_t*> malloc((n_slots + 1) * sizeof(int32_t))
    user.ideal = <double*> malloc(longest * sizeof(double))
    try:
        if marks == NULL or ranks == NULL or user.ideal == NULL:
            raise MemoryError("no memory for the ranking metrics")
        user.ranks = ranks
        with nogil:
            for row in range(start, stop):
                user.items = &indices[0] + indptr[row]
                user.n_items = indptr[row + 1] - indptr[row]
                user.slots = &lists[row, 0]
                state = find_hits(user.slots, n_slots, user.items, user.n_items, n_items, marks, ranks, &user.n_hits)
                if state != FINE:
                    break
                for i in range(n_specs):
                    user_gains = &gains[gain_rows[i], 0] + indptr[row] if gain_rows[i] >= 0 else NULL
                    if user.n_items == 0:
                        out[row, i] = NAN
                    else:
                        out[row, i] = metric(kinds[i], ks[i], &user, user_gains, &discounts[0], &ideals[0])
        return state, row if state else -1
    finally:
        free(marks)
        free(ranks)
        free(user.ideal)


def rank_counts(
    const float[:, ::1] scores, const unsigned char[::1] eligible,
    const int64_t[::1] blocked_indptr, const int32_t[::1] blocked,
    const int64_t[::1] allowed_indptr, const int32_t[::1] allowed,
    const int64_t[::1] target_indptr, const int32_t[::1] targets,
    Py_ssize_t start, Py_ssize_t stop, int64_t[::1] greater, int64_t[::1] equal, int64_t[::1] candidates,
):
    """Fill the counts of the users ``start:stop``; return the first user whose scores hold NaN or +inf, or −1."""
    cdef Py_ssize_t n_items = scores.shape[1], row, i, n, bad = -1
    cdef int64_t entry
    cdef int32_t above, same
    cdef float target
    cdef float* kept = <float*> malloc(max(n_items, 1) * sizeof(float))
    if kept == NULL:
        raise MemoryError("no memory for the rank counts")
    with nogil:
        for row in range(start, stop):
            n = 0
            for i in range(n_items):
                n += not scores[row, i] < INFINITY
            if n:
                bad = row
                break
            if allowed_indptr is None:
                memcpy(kept, &scores[row, 0], n_items * sizeof(float))
            else:
                for i in range(n_items):
                    kept[i] = -INFINITY
                for entry in range(allowed_indptr[row], allowed_indptr[row + 1]):
                    kept[allowed[entry]] = scores[row, allowed[entry]]
            if eligible is not None:
                for i in range(n_items):
                    kept[i] = kept[i] if eligible[i] else -INFINITY
            for entry in range(blocked_indptr[row], blocked_indptr[row + 1]):
                kept[blocked[entry]] = -INFINITY
            n = 0
            for i in range(n_items):
                n += kept[i] > -INFINITY
            candidates[row] = n
            for entry in range(target_indptr[row], target_indptr[row + 1]):
                target = kept[targets[entry]]
                if target == -INFINITY:
                    greater[entry] = n
                    equal[entry] = 0
                    continue
                above = 0
                same = 0
                for i in range(n_items):
                    above += kept[i] > target
                    same += kept[i] == target
                greater[entry] = above
                equal[entry] = same - 1
        free(kept)
    return bad
