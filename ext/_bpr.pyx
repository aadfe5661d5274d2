"""Steps of Bayesian personalised ranking on blocks of users and items. Arrays are checked by the dispatcher."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

cdef extern from "bpr.h":
    ctypedef struct Pair:
        int32_t user
        int32_t item

    ctypedef struct Job:
        const int64_t* indptr
        const int32_t* items
        const int32_t* pool
        int64_t n_pool
        float* user_vectors
        float* item_vectors
        float* item_biases
        int64_t d
        const float* slopes
        float rate
        float keep
        int64_t negatives
        uint64_t seed
        int fixed

    uint64_t nth_random(uint64_t seed, uint64_t place) noexcept nogil
    int64_t below(uint64_t bits, int64_t n) noexcept nogil
    void take_steps(const Job* job, const Pair* pairs, int64_t n, uint64_t place, int wide) noexcept nogil


def fill_cells(
    const int64_t[::1] indptr, const int32_t[::1] items, const uint8_t[::1] blocks, int64_t start, int64_t stop,
    uint64_t seed, int32_t[:, ::1] pairs, int64_t[::1] starts,
):
    """Write the pairs of users start:stop by the block of their item, shuffled inside each; `starts` says where."""
    cdef int64_t n_blocks = starts.shape[0] - 1, user, place, block, other, first
    cdef Pair* out = <Pair*> &pairs[0, 0]
    cdef Pair kept
    cdef int64_t heads[257]
    with nogil:
        for block in range(n_blocks + 1):
            heads[block] = 0
        for place in range(indptr[start], indptr[stop]):
            heads[blocks[items[place]] + 1] += 1
        heads[0] = indptr[start]
        for block in range(n_blocks):
            heads[block + 1] += heads[block]
        for block in range(n_blocks + 1):
            starts[block] = heads[block]
        for user in range(start, stop):
            for place in range(indptr[user], indptr[user + 1]):
                block = blocks[items[place]]
                out[heads[block]].user = <int32_t> user
                out[heads[block]].item = items[place]
                heads[block] += 1
        for block in range(n_blocks):
            first = starts[block]
            for place in range(starts[block + 1] - 1, first, -1):  # Fisher and Yates
                other = first + below(nth_random(seed, place), place - first + 1)
                kept = out[place]
                out[place] = out[other]
                out[other] = kept


def descend(
    const int32_t[:, ::1] pairs, int64_t start, int64_t stop, const int32_t[::1] pool,
    const int64_t[::1] indptr, const int32_t[::1] items,
    float[:, ::1] user_vectors, float[:, ::1] item_vectors, float[::1] item_biases,
    const float[::1] slopes, float rate, float keep, int64_t negatives, uint64_t seed, int wide,
):
    """Take the steps of pairs start:stop; negatives come from the pool."""
    cdef Job job
    if start == stop:
        return
    set_job(&job, indptr, items, pool, slopes, rate, keep, negatives, seed)
    job.user_vectors, job.item_vectors, job.item_biases = &user_vectors[0, 0], &item_vectors[0, 0], &item_biases[0]
    job.d, job.fixed = user_vectors.shape[1], 0
    with nogil:
        take_steps(&job, <const Pair*> &pairs[start, 0], stop - start, start, wide)


def descend_users(
    const int64_t[::1] indptr, const int32_t[::1] items, int64_t start, int64_t stop, const int32_t[::1] pool,
    float[:, ::1] user_vectors, const float[:, ::1] item_vectors, const float[::1] item_biases,
    const float[::1] slopes, const float[::1] rates, const float[::1] keeps, int64_t negatives, uint64_t seed, int wide,
):
    """Take one step for each item of each of the users start:stop, at each rate in turn; items stay as they are.

    What is drawn depends on the turn and on the place in the user's own history.
    """
    cdef Job job
    cdef Pair pair
    cdef int64_t user, turn, place, n_turns = rates.shape[0]
    set_job(&job, indptr, items, pool, slopes, 0, 0, negatives, seed)
    job.user_vectors, job.d, job.fixed = &user_vectors[0, 0], user_vectors.shape[1], 1
    job.item_vectors, job.item_biases = <float*> &item_vectors[0, 0], <float*> &item_biases[0]
    with nogil:
        for user in range(start, stop):
            for turn in range(n_turns):
                job.rate, job.keep = rates[turn], keeps[turn]
                for place in range(indptr[user], indptr[user + 1]):
                    pair.user, pair.item = <int32_t> user, items[place]
                    take_steps(&job, &pair, 1, (<uint64_t> turn << 32) + <uint64_t> (place - indptr[user]), wide)


cdef void set_job(
    Job* job, const int64_t[::1] indptr, const int32_t[::1] items, const int32_t[::1] pool, const float[::1] slopes,
    float rate, float keep, int64_t negatives, uint64_t seed,
):
    job.indptr, job.items, job.pool, job.n_pool = &indptr[0], &items[0], &pool[0], pool.shape[0]
    job.slopes, job.rate, job.keep, job.negatives, job.seed = &slopes[0], rate, keep, negatives, seed
