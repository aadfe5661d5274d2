"""Rows of alternating least squares: each is solved by itself, in an order of sums that depends on the row alone."""

from libc.stdint cimport int32_t, int64_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset


cdef extern from "als.h" nogil:
    enum:
        ALS_PANEL
        ALS_SPARE
    ctypedef struct AlsRow:
        const float *vectors
        const float *spectrum
        const int32_t *codes
        const float *weights
        const float *start
        const float *mean
        float *out
        float ridge
        float offset
        int64_t n
        int64_t d
        int64_t following
        int64_t exact_below
        int64_t block
        int64_t steps

    ctypedef struct AlsSpace:
        float *panel
        float *system
        float *scale
        float *inverse
        float *right
        float *root
        float *rest
        float *targets
        float *mean
        float *begin

    int als_widest()
    void als_solve(int path, const AlsRow *row, AlsSpace *space)

PATHS = ("baseline", "avx2")[: als_widest() + 1]


def solve_rows(
    const int64_t[::1] indptr,
    const int32_t[::1] indices,
    const float[::1] weights,
    float offset,
    const float[:, ::1] vectors,
    const float[::1] spectrum,
    const float[::1] ridge,
    const float[:, ::1] means,
    const float[:, ::1] begin,
    int64_t exact_below,
    int64_t block,
    int64_t steps,
    int path,
    int64_t start,
    int64_t stop,
    float[:, ::1] out,
):
    """Fill rows start:stop with the minimiser of each row's quadratic; with `begin`, with an update of it if they are long."""
    cdef int64_t row, longest = 0, d = vectors.shape[1], wide = d + ALS_SPARE, panel = wide * max(<int64_t>ALS_PANEL, wide)
    cdef AlsRow task
    cdef AlsSpace space
    cdef float *room
    for row in range(start, stop):
        longest = max(longest, indptr[row + 1] - indptr[row])
    room = <float *>malloc((panel + wide * wide + 5 * wide + 3 * longest + 64) * sizeof(float))
    if room is NULL:
        raise MemoryError
    with nogil:
        space.panel = room + (-(<int64_t>(<uintptr_t>room // sizeof(float))) & 15)  # a cache line is 16 floats
        space.system = space.panel + (panel + 15) // 16 * 16
        space.scale = space.system + wide * wide
        space.inverse = space.scale + wide
        space.right = space.inverse + wide
        space.mean = space.right + wide
        space.begin = space.mean + (d + 7) // 8 * 8
        space.root = space.mean + 2 * wide
        space.rest = space.root + longest + 8
        space.targets = space.rest + longest + 8
        task.exact_below, task.block, task.steps = exact_below, block, steps
        task.start = task.mean = NULL
        task.vectors, task.spectrum, task.d, task.offset = &vectors[0, 0], &spectrum[0], d, offset
        for row in range(start, stop):
            task.n = indptr[row + 1] - indptr[row]
            if means is not None:
                task.mean = &means[row, 0]
            if task.n == 0:
                if means is None:
                    memset(&out[row, 0], 0, d * sizeof(float))
                else:
                    memcpy(&out[row, 0], task.mean, d * sizeof(float))
                continue
            task.codes, task.weights = &indices[indptr[row]], &weights[indptr[row]]
            task.ridge, task.out, task.following = ridge[row], &out[row, 0], indices.shape[0] - indptr[row]
            if begin is not None:
                task.start = &begin[row, 0]
            als_solve(path, &task, &space)
        free(room)
