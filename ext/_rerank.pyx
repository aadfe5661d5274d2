"""Greedy re-ranking of every user's pool: maximal marginal relevance, calibration. The arguments are checked already."""

from libc.math cimport INFINITY, log
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset
from topn cimport fixed_dot


cdef enum:
    REMEMBERED = 8


cdef double row_dot(
    const int64_t* indptr, const int32_t* indices, const float* data, int32_t left, int32_t right,
) noexcept nogil:
    """Return the inner product of two sparse rows, summed in rising order of the columns."""
    cdef int64_t a = indptr[left], b = indptr[right], a_end = indptr[left + 1], b_end = indptr[right + 1]
    cdef double total = 0.0
    while a < a_end and b < b_end:
        if indices[a] < indices[b]:
            a += 1
        elif indices[a] > indices[b]:
            b += 1
        else:
            total += (<double> data[a]) * (<double> data[b])
            a += 1
            b += 1
    return total


cdef struct Vectors:
    const float* dense  # (n_items, d), or NULL: the rows are sparse
    int64_t d
    const int64_t* indptr
    const int32_t* indices
    const float* data


cdef inline double likeness(const Vectors* vectors, int32_t left, int32_t right) noexcept nogil:
    if vectors.dense == NULL:
        return row_dot(vectors.indptr, vectors.indices, vectors.data, left, right)
    return fixed_dot(vectors.dense + left * vectors.d, vectors.dense + right * vectors.d, vectors.d)


def mmr(
    const int32_t[:, ::1] pool, const double[:, ::1] relevance, const float[:, ::1] dense,
    const int64_t[::1] indptr, const int32_t[::1] indices, const float[::1] data,
    double trade_off, Py_ssize_t start, Py_ssize_t stop, int32_t[:, ::1] out,
):
    """Fill ``out[start:stop]`` with places of the pool; vectors are the rows of `dense`, or of the CSR arrays.

    What an item may still reach only falls as items are picked, so it is brought up to date only when it seems best.
    """
    cdef Py_ssize_t n_pool = pool.shape[1], k = out.shape[1], row, size, step, place, best
    cdef double gap = 1.0 - trade_off, value
    cdef Vectors vectors
    memset(&vectors, 0, sizeof(Vectors))
    if dense is not None:
        vectors.dense, vectors.d = &dense[0, 0], dense.shape[1]
    else:
        vectors.indptr = &indptr[0]
        if indices.shape[0]:
            vectors.indices, vectors.data = &indices[0], &data[0]
    cdef double* reach = <double*> malloc((n_pool + 1) * sizeof(double))
    cdef double* nearest = <double*> malloc((n_pool + 1) * sizeof(double))
    cdef int32_t* compared = <int32_t*> malloc((n_pool + 1) * sizeof(int32_t))  # with how many of the picked ones
    try:
        if reach == NULL or nearest == NULL or compared == NULL:
            raise MemoryError("no memory for the re-ranking")
        with nogil:
            for row in range(start, stop):
                size = 0
                while size < n_pool and pool[row, size] >= 0:
                    reach[size] = trade_off * relevance[row, size]
                    compared[size] = 0
                    size += 1
                for step in range(min(k, size)):
                    if step == 1:  # the likeness may be negative: only from here on it cannot raise what is reached
                        for place in range(size):
                            nearest[place] = likeness(&vectors, pool[row, place], pool[row, out[row, 0]])
                            compared[place] = 1
                            if reach[place] > -INFINITY:
                                reach[place] = trade_off * relevance[row, place] - gap * nearest[place]
                    while True:
                        best = -1
                        value = -INFINITY
                        for place in range(size):
                            if reach[place] > value:
                                value = reach[place]
                                best = place
                        if compared[best] == step:
                            break
                        while compared[best] < step:
                            place = out[row, compared[best]]
                            value = likeness(&vectors, pool[row, best], pool[row, place])
                            nearest[best] = max(nearest[best], value)
                            compared[best] += 1
                        reach[best] = trade_off * relevance[row, best] - gap * nearest[best]
                    out[row, step] = <int32_t> best
                    reach[best] = -INFINITY
                for step in range(min(k, size), k):
                    out[row, step] = -1
    finally:
        free(reach)
        free(nearest)
        free(compared)


cdef inline double divergence(double wanted, double listed, double smoothing) noexcept nogil:
    """Return one term of the Kullback–Leibler divergence."""
    return wanted * log(wanted / ((1.0 - smoothing) * listed + smoothing * wanted))


def calibrate(
    const int32_t[:, ::1] pool, const double[:, ::1] relevance,
    const int64_t[::1] feature_ptr, const int32_t[::1] features, int64_t n_features,
    const int64_t[::1] wanted_ptr, const int32_t[::1] wanted_codes, const double[::1] wanted,
    double weight, double smoothing, Py_ssize_t start, Py_ssize_t stop, int32_t[:, ::1] out,
):
    """Fill ``out[start:stop]`` with places of the pool; a user without a wanted distribution keeps the order."""
    cdef Py_ssize_t n_pool = pool.shape[1], k = out.shape[1], row, size, step, place, best
    cdef int64_t entry, own
    cdef int32_t code, item
    cdef double keep = 1.0 - weight, value, highest, described, share, total, with_item, without
    cdef double* target = <double*> calloc(n_features + 1, sizeof(double))
    cdef double* mass = <double*> calloc(n_features + 1, sizeof(double))  # of each feature in the list
    cdef double* term = <double*> calloc(n_features + 1, sizeof(double))
    # what a feature would add to the divergence with one more item of so many features, and when it was worked out
    cdef double* change = <double*> malloc((n_features * REMEMBERED + 1) * sizeof(double))
    cdef int64_t* worked_out = <int64_t*> calloc(n_features * REMEMBERED + 1, sizeof(int64_t))
    cdef int64_t now = 0, key
    cdef char* picked = <char*> malloc(n_pool + 1)
    try:
        if (target == NULL or mass == NULL or term == NULL or picked == NULL or change == NULL or worked_out == NULL):
            raise MemoryError("no memory for the re-ranking")
        with nogil:
            for row in range(start, stop):
                size = 0
                while size < n_pool and pool[row, size] >= 0:
                    picked[size] = 0
                    size += 1
                for entry in range(wanted_ptr[row], wanted_ptr[row + 1]):
                    target[wanted_codes[entry]] = wanted[entry]
                described = 0.0
                for step in range(min(k, size)):
                    with_item = 0.0
                    without = 0.0
                    now += 1
                    for entry in range(wanted_ptr[row], wanted_ptr[row + 1]):
                        code = wanted_codes[entry]
                        term[code] = divergence(target[code], mass[code] / (described + 1.0), smoothing)
                        with_item += term[code]
                        share = mass[code] / described if described > 0.0 else 0.0
                        without += divergence(target[code], share, smoothing)
                    best = -1
                    highest = -INFINITY
                    for place in range(size):
                        if picked[place]:
                            continue
                        item = pool[row, place]
                        own = feature_ptr[item + 1] - feature_ptr[item]
                        total = with_item if own else without
                        for entry in range(feature_ptr[item], feature_ptr[item + 1]):
                            code = features[entry]
                            if not target[code] > 0.0:
                                continue
                            key = code * REMEMBERED + min(own, REMEMBERED) - 1
                            if own >= REMEMBERED or worked_out[key] != now:
                                share = (mass[code] + 1.0 / <double> own) / (described + 1.0)
                                change[key] = divergence(target[code], share, smoothing) - term[code]
                                worked_out[key] = now
                            total += change[key]
                        value = keep * relevance[row, place] - weight * total
                        if value > highest:
                            highest = value
                            best = place
                    out[row, step] = <int32_t> best
                    picked[best] = 1
                    item = pool[row, best]
                    own = feature_ptr[item + 1] - feature_ptr[item]
                    for entry in range(feature_ptr[item], feature_ptr[item + 1]):
                        mass[features[entry]] += 1.0 / <double> own
                    described += 1.0 if own else 0.0
                for step in range(min(k, size), k):
                    out[row, step] = -1
                for step in range(min(k, size)):
                    item = pool[row, out[row, step]]
                    for entry in range(feature_ptr[item], feature_ptr[item + 1]):
                        mass[features[entry]] = 0.0
                for entry in range(wanted_ptr[row], wanted_ptr[row + 1]):
                    target[wanted_codes[entry]] = 0.0
    finally:
        free(target)
        free(mass)
        free(term)
        free(picked)
        free(change)
        free(worked_out)
