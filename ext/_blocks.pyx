"""Small square blocks of a large symmetric CSR matrix."""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc

cdef enum:
    SEARCH_PAYS = 8  # a row this many times as long as what is looked for is searched, a shorter one walked


cdef inline int64_t place_of(const int32_t* codes, int64_t start, int64_t stop, int32_t wanted) noexcept nogil:
    """Return the first place in ``start:stop`` whose code is not below the wanted one."""
    cdef int64_t middle
    while start < stop:
        middle = (start + stop) // 2
        if codes[middle] < wanted:
            start = middle + 1
        else:
            stop = middle
    return start


def gather_blocks(
    const int64_t[::1] indptr,
    const int32_t[::1] indices,
    const float[::1] data,
    const int32_t[:, ::1] groups,
    int64_t start,
    int64_t stop,
    float[:, :, ::1] out,
):
    """Fill the blocks ``start:stop`` of the output, which holds zeros; a group ends at its first -1."""
    cdef int64_t n = indptr.shape[0] - 1, width = groups.shape[1], group, row, column, size, place, end
    cdef int32_t code
    cdef int32_t *slot = <int32_t *>malloc((n + 1) * sizeof(int32_t))
    if slot is NULL:
        raise MemoryError("no memory to look up the items of a block")
    with nogil:
        for place in range(n):
            slot[place] = -1
        for group in range(start, stop):
            size = 0
            while size < width and groups[group, size] >= 0:
                slot[groups[group, size]] = <int32_t>size
                size += 1
            for row in range(size):
                code = groups[group, row]
                place, end = indptr[code], indptr[code + 1]
                if end - place > SEARCH_PAYS * (row + 1):
                    for column in range(row + 1):
                        place = place_of(&indices[0], place, end, groups[group, column])
                        if place < end and indices[place] == groups[group, column]:
                            out[group, row, column] = data[place]
                            out[group, column, row] = data[place]
                else:
                    while place < end and indices[place] <= code:
                        column = slot[indices[place]]
                        if column >= 0:
                            out[group, row, column] = data[place]
                            out[group, column, row] = data[place]
                        place += 1
            for row in range(size):
                slot[groups[group, row]] = -1
    free(slot)
