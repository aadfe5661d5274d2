"""The exact scan over prepared items (scan_body.h): packing the items, listing the best of them for users."""

from libc.stdint cimport int8_t, int32_t, int64_t
from libc.stdlib cimport calloc, free


cdef extern from "scan_variants.h" nogil:
    enum:
        WIDE
        BLOCK_ITEMS
        SHORT_ROW
        MOST_HEAD

    ctypedef struct Extremes:
        float scale

    ctypedef struct Segment:
        const float *items
        const int32_t *rows
        const int8_t *heads
        const int8_t *tails
        const void *starts
        const Extremes *panels
        const Extremes *blocks
        int64_t n
        int64_t first_code

    ctypedef struct Index:
        const float *basis
        int64_t d
        int64_t head
        int64_t tail
        int64_t tail_width
        double item_scale
        double rate
        const Segment *segments
        int64_t n_segments
        int64_t n_items

    ctypedef struct Rules:
        const unsigned char *eligible
        const int64_t *blocked_ptr
        const int32_t *blocked
        const int64_t *allowed_ptr
        const int32_t *allowed
        const int32_t *few
        int64_t n_few

    int pack_block(
        int path, const Index *index, const float *items, const double *norms, int32_t *rows, int64_t n, int8_t *heads,
        int8_t *tails, void *starts, Extremes *panels, Extremes *block)
    int scan_users(
        int path, const Index *index, const Rules *rules, const float *users, const double *norms, int64_t start,
        int64_t stop, int64_t k, int32_t *items, float *scores)
    int step_of(int path)
    int widest_scan()

PANEL_ITEMS, BLOCK_SIZE, EXTREMES, SHORT_SHARE = WIDE, BLOCK_ITEMS, sizeof(Extremes) // sizeof(float), 1 / SHORT_ROW
LONGEST_HEAD = MOST_HEAD
PATHS = ("baseline", "avx2", "avx512", "avx512vnni")[: widest_scan() + 1]
PATH_CODES = {"baseline": 0, "avx2": 1, "avx512": 2, "avx512vnni": 3, "emulated avx512": 4, "emulated avx512vnni": 5}


def columns_a_step(int path):
    """How many columns of the head lie together for an item."""
    return step_of(path)


def sums_in_32_bits(int path):
    """Whether the head is summed in 32 bits, not in 16."""
    return step_of(path) == 4


cdef class Plan:
    """How items were prepared, and where they are; the arrays are kept alive. Nothing changes after `attach`."""

    cdef Index index
    cdef Segment *segments
    cdef object kept
    cdef int path

    def __cinit__(
        self, int path, const float[::1] basis, int64_t d, int64_t head, int64_t tail_width, double item_scale,
        double rate,
    ):
        if head > MOST_HEAD:
            raise ValueError(f"head is {head}, at most {MOST_HEAD} was expected")
        self.path, self.kept = path, [basis]
        if basis is not None:
            self.index.basis = &basis[0]
        self.index.d, self.index.head, self.index.tail, self.index.tail_width = d, head, d - head, tail_width
        self.index.item_scale, self.index.rate = item_scale, rate

    def __dealloc__(self):
        free(self.segments)

    def attach(self, parts):
        """Take segments (items, rows, heads, tails, starts, panels, blocks); codes go on from one to the next."""
        cdef int64_t place
        cdef const float[:, ::1] items, panels, blocks
        cdef const int32_t[::1] rows
        cdef const int8_t[::1] heads, tails, starts
        self.segments = <Segment *>calloc(len(parts), sizeof(Segment))
        if self.segments is NULL:
            raise MemoryError
        self.index.segments, self.index.n_segments = self.segments, len(parts)
        for place, (items, rows, heads, tails, starts, panels, blocks) in enumerate(parts):
            self.kept.append((items, rows, heads, tails, starts, panels, blocks))
            self.segments[place] = Segment(
                &items[0, 0], &rows[0], &heads[0], &tails[0], &starts[0], <const Extremes *>&panels[0, 0],
                <const Extremes *>&blocks[0, 0], rows.shape[0], self.index.n_items)
            self.index.n_items += items.shape[0]

    def pack(
        self, const float[:, ::1] items, const double[::1] norms, int32_t[::1] rows, int64_t start, int64_t stop,
        int8_t[::1] heads, int8_t[::1] tails, int8_t[::1] starts, float[:, ::1] panels, float[:, ::1] blocks,
    ):
        """Fill blocks start:stop of the arrays of a segment; `rows` come by falling norm and are put in order."""
        cdef int64_t block, first, n, step = step_of(self.path), width = (self.index.head + step - 1) // step * step
        cdef int failed = 0
        with nogil:
            for block in range(start, stop):
                first = block * BLOCK_ITEMS
                n = min(<int64_t>BLOCK_ITEMS, rows.shape[0] - first)
                failed |= pack_block(
                    self.path, &self.index, &items[0, 0], &norms[0], &rows[first], n, &heads[first * width],
                    &tails[first * self.index.tail_width], &starts[first * step], <Extremes *>&panels[first // WIDE, 0],
                    <Extremes *>&blocks[block, 0])
        if failed:
            raise MemoryError

    def query(
        self, const float[:, ::1] users, const double[::1] norms, const unsigned char[::1] eligible,
        const int64_t[::1] blocked_ptr, const int32_t[::1] blocked, const int64_t[::1] allowed_ptr,
        const int32_t[::1] allowed, const int32_t[::1] few, int64_t start, int64_t stop, int32_t[:, ::1] indices,
        float[:, ::1] scores,
    ):
        """Fill rows start:stop of the output."""
        cdef Rules rules
        cdef int failed
        rules.eligible = rules.allowed_ptr = rules.allowed = rules.few = NULL
        rules.blocked_ptr, rules.blocked, rules.n_few = &blocked_ptr[0], &blocked[0], 0
        if eligible is not None:
            rules.eligible = &eligible[0]
        if allowed_ptr is not None:
            rules.allowed_ptr, rules.allowed = &allowed_ptr[0], &allowed[0]
        if few is not None:
            rules.few, rules.n_few = &few[0], few.shape[0]
        with nogil:
            failed = scan_users(
                self.path, &self.index, &rules, &users[0, 0], &norms[0], start, stop, indices.shape[1], &indices[0, 0],
                &scores[0, 0])
        if failed:
            raise MemoryError
