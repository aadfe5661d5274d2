"""Position marginals of Plackett–Luce lists by quadrature over arrival times. The arguments are checked already."""

from libc.stdint cimport int32_t
from libc.stdlib cimport free, malloc

cdef enum:
    NODES = 4  # times that are worked on together

cdef double SMALLEST = 1e-18


cdef struct Room:
    double* gone  # (n, NODES) probability that an item has arrived by now
    double* left  # (n, NODES) that it has not
    double* others  # (k, NODES) number of arrivals among the items that are not listed, and the listed ones so far
    double* later  # (k, k, NODES) number of arrivals among the listed items from a position on
    double* weight
    double* total  # (k, NODES)


cdef void add_item(double* counts, Py_ssize_t k, const double* gone, const double* left) noexcept nogil:
    """Let one more item arrive or not: the number of arrivals, of which 0 … k − 1 are kept."""
    cdef Py_ssize_t count, node
    for count in range(k - 1, 0, -1):
        for node in range(NODES):
            counts[count * NODES + node] = (
                counts[count * NODES + node] * left[node] + counts[(count - 1) * NODES + node] * gone[node]
            )
    for node in range(NODES):
        counts[node] *= left[node]


cdef void start_counts(double* counts, Py_ssize_t k) noexcept nogil:
    cdef Py_ssize_t count, node
    for count in range(k):
        for node in range(NODES):
            counts[count * NODES + node] = 0.0 if count else 1.0


cdef void sum_octave(Room room, Py_ssize_t size, Py_ssize_t k, const double* times) noexcept nogil:
    """Add the integrand of every position at the nodes of an octave; the first k items of the room are the list."""
    cdef Py_ssize_t place, count, node
    cdef double* later
    cdef double found
    start_counts(room.others, k)
    for place in range(k, size):
        add_item(room.others, k, room.gone + place * NODES, room.left + place * NODES)
    start_counts(room.later + (k - 1) * k * NODES, k)
    for place in range(k - 1, 0, -1):
        later = room.later + (place - 1) * k * NODES
        for count in range(k * NODES):
            later[count] = later[k * NODES + count]
        add_item(later, k, room.gone + place * NODES, room.left + place * NODES)
    for place in range(k):
        later = room.later + place * k * NODES
        for node in range(NODES):
            found = 0.0
            for count in range(place + 1):
                found += room.others[count * NODES + node] * later[(place - count) * NODES + node]
            room.total[place * NODES + node] += found * room.left[place * NODES + node] * (
                room.weight[place] * times[node]
            )
        add_item(room.others, k, room.gone + place * NODES, room.left + place * NODES)


cdef void sum_group(
    Room room, Py_ssize_t size, Py_ssize_t listed, Py_ssize_t octaves, double* times,
) noexcept nogil:
    """Sum the integrand of every position over all octaves, at the nodes that begin at `times`."""
    cdef Py_ssize_t place, node, octave, reached
    cdef double gone, left, rate = 0.0, share
    for place in range(listed * NODES):
        room.total[place] = 0.0
    for place in range(size):
        rate += room.weight[place]
        for node in range(NODES):
            gone = room.weight[place] * times[node]
            gone = gone - 0.5 * gone * gone + gone * gone * gone / 6.0  # 1 − exp(−x) for a tiny x
            room.gone[place * NODES + node] = gone
            room.left[place * NODES + node] = 1.0 - gone
    for octave in range(octaves):
        # Position j grows with the j-th power of time: early on, the later positions are beyond the last digit.
        reached = 1
        share = rate * times[NODES - 1]
        while reached < listed and share > SMALLEST:
            share *= rate * times[NODES - 1]
            reached += 1
        sum_octave(room, size, reached, times)
        for place in range(size * NODES):
            # 1 − exp(−2x) = g (2 − g) keeps its digits where g is small, exp(−2x) = l² where l is
            gone = room.gone[place] * (2.0 - room.gone[place])
            left = room.left[place] * room.left[place]
            room.gone[place] = gone if gone < 0.5 else 1.0 - left
            room.left[place] = 1.0 - gone if gone < 0.5 else left
        for node in range(NODES):
            times[node] *= 2.0


def position_marginals(
    const double[:, ::1] weights, const int32_t[:, ::1] octaves, const double[:, ::1] first_times,
    double step, Py_ssize_t start, Py_ssize_t stop, double[:, ::1] out,
):
    """Fill ``out[start:stop]``: the probability of the items in the first k columns of `weights` at their positions.

    A weight below 0 marks the end of a row. ``octaves[row, 0]`` octaves are summed from ``first_times[row]`` on, which
    are a multiple of NODES times.
    """
    cdef Py_ssize_t n = weights.shape[1], k = out.shape[1], row, size, listed, place, node, group
    cdef Room room
    cdef double* times = <double*> malloc(NODES * sizeof(double))
    room.gone = <double*> malloc((n + 1) * NODES * sizeof(double))
    room.left = <double*> malloc((n + 1) * NODES * sizeof(double))
    room.others = <double*> malloc((k + 1) * NODES * sizeof(double))
    room.later = <double*> malloc((k * k + 1) * NODES * sizeof(double))
    room.total = <double*> malloc((k + 1) * NODES * sizeof(double))
    try:
        if (times == NULL or room.gone == NULL or room.left == NULL or room.others == NULL or room.later == NULL
                or room.total == NULL):
            raise MemoryError("no memory for the position marginals")
        with nogil:
            for row in range(start, stop):
                size = 0
                while size < n and weights[row, size] >= 0.0:
                    size += 1
                listed = min(k, size)
                room.weight = <double*> &weights[row, 0]
                for place in range(k):
                    out[row, place] = 0.0
                for group in range(first_times.shape[1] // NODES if listed else 0):
                    for node in range(NODES):
                        times[node] = first_times[row, group * NODES + node]
                    sum_group(room, size, listed, octaves[row, 0], times)
                    for place in range(listed):
                        for node in range(NODES):
                            out[row, place] += room.total[place * NODES + node]
                for place in range(listed):
                    out[row, place] *= step
    finally:
        free(times)
        free(room.gone)
        free(room.left)
        free(room.others)
        free(room.later)
        free(room.total)
