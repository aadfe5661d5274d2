"""Distinct codes of each unit in a window. Arrays are checked by the dispatcher."""

from libc.stdint cimport int32_t, int64_t, uint64_t


cdef extern from "distinct.h" nogil:
    ctypedef struct Slot:
        int64_t code
        int64_t owner

    ctypedef struct PairTable:
        Slot *slots
        int bits
        int64_t size
        int64_t limit

    int64_t add_pairs(
        PairTable *table, const int32_t *units, const int64_t *codes, int64_t start, int64_t stop, int32_t first,
        int32_t last, int32_t *counts)
    void move_pairs(const Slot *old, int64_t n, PairTable *table)
    int64_t keep_rows(
        const int32_t *units, const int64_t *times, const int64_t *codes, const unsigned char *passes,
        const int64_t *starts, int64_t begin, uint64_t length, int64_t start, int64_t stop, int32_t *kept_units,
        int64_t *kept_codes, int64_t *left_out)


def keep(
    const int32_t[::1] units, const int64_t[::1] times, const int64_t[::1] codes, const unsigned char[::1] passes,
    const int64_t[::1] starts, int64_t begin, uint64_t length, Py_ssize_t start, Py_ssize_t stop, int32_t[::1] kept_units,
    int64_t[::1] kept_codes,
):
    """Write the units and codes of the rows ``start:stop`` in the window; return how many, and how many have no code."""
    cdef int64_t n, left_out = 0
    cdef const unsigned char* mask = &passes[0] if passes is not None else NULL
    with nogil:
        n = keep_rows(
            &units[0], &times[0], &codes[0], mask, &starts[0], begin, length, start, stop, &kept_units[0], &kept_codes[0],
            &left_out,
        )
    return n, left_out


def add(
    int64_t[:, ::1] slots, int64_t size, const int32_t[::1] units, const int64_t[::1] codes, Py_ssize_t start,
    Py_ssize_t stop, int32_t first_unit, int32_t last_unit, int32_t[::1] counts,
):
    """Add pairs to the table until it is five eighths full; return where it stopped, and the number of pairs in it."""
    cdef PairTable table = in_slots(slots, size)
    cdef int64_t at
    with nogil:
        at = add_pairs(&table, &units[0], &codes[0], start, stop, first_unit, last_unit, &counts[0])
    return at, table.size


def move(const int64_t[:, ::1] old, int64_t[:, ::1] slots):
    """Put the pairs of one table into a larger, empty one."""
    cdef PairTable table = in_slots(slots, 0)
    cdef int64_t n = old.shape[0]
    with nogil:
        move_pairs(<const Slot*> &old[0, 0], n, &table)


cdef PairTable in_slots(int64_t[:, ::1] slots, int64_t size):
    cdef PairTable table
    table.slots, table.size, table.limit, table.bits = <Slot*> &slots[0, 0], size, slots.shape[0] // 8 * 5, 0
    while (<int64_t> 1) << table.bits < slots.shape[0]:
        table.bits += 1
    return table
