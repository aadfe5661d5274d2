"""Event logs to CSR: a stable counting sort by row, then short sorts inside the rows. Arrays are checked by the dispatcher."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, qsort
from libc.string cimport memcpy, memset

cdef enum:
    INSERTION = 16  # rows up to this length are sorted by insertion
    MOST_BUCKETS = 2048
    SUM = 0
    MAX = 1
    LAST = 2
    COUNT = 3

cdef struct Event:
    uint64_t time  # flipped, so that unsigned order is time order; without times: item, then first value
    uint32_t item
    uint32_t low  # the first value, flipped likewise; with a second value: the position in the input

cdef struct Tie:
    uint32_t first  # the value, flipped likewise
    uint32_t second
    uint32_t place


cdef inline uint32_t ordered(float value) noexcept nogil:
    """Map a float to an unsigned integer of the same order (total: −0 before +0, NaN at the ends)."""
    cdef uint32_t bits
    memcpy(&bits, &value, 4)
    return ~bits if bits & 0x80000000u else bits | 0x80000000u


cdef inline float unordered(uint32_t bits) noexcept nogil:
    """Undo `ordered`."""
    cdef float value
    bits = bits & 0x7fffffffu if bits & 0x80000000u else ~bits
    memcpy(&value, &bits, 4)
    return value


cdef inline bint event_after(const Event* left, const Event* right) noexcept nogil:
    if left.time != right.time:
        return left.time > right.time
    return left.item > right.item or (left.item == right.item and left.low > right.low)


cdef int compare_ties(const void* left, const void* right) noexcept nogil:
    cdef const Tie* a = <const Tie*> left
    cdef const Tie* b = <const Tie*> right
    if a.first != b.first:
        return 1 if a.first > b.first else -1
    if a.second != b.second:
        return 1 if a.second > b.second else -1
    return 0


def count_codes(const int32_t[::1] codes, Py_ssize_t start, Py_ssize_t stop, int64_t[::1] counts):
    """Add the codes of ``codes[start:stop]`` to `counts`."""
    cdef Py_ssize_t place
    with nogil:
        for place in range(start, stop):
            counts[codes[place]] += 1


def scatter(
    const int32_t[::1] rows, const int32_t[::1] cols, const int64_t[::1] times, const float[::1] first,
    bint keep_places, Py_ssize_t start, Py_ssize_t stop, int64_t[::1] heads, unsigned char[::1] scratch,
):
    """Copy the events ``start:stop`` to the next free place of their row."""
    cdef Event* events = <Event*> &scratch[0]
    cdef Event event
    cdef Py_ssize_t place
    cdef bint timed = times is not None
    cdef bint valued = first is not None
    with nogil:
        for place in range(start, stop):
            if timed:
                event.time = <uint64_t> times[place] ^ 0x8000000000000000u
            else:
                event.time = (<uint64_t> cols[place]) << 32 | (ordered(first[place]) if valued else 0)
            event.item = <uint32_t> cols[place]
            event.low = <uint32_t> place if keep_places else ordered(first[place]) if valued else 0
            events[heads[rows[place]]] = event
            heads[rows[place]] += 1


cdef void insertion_sort(Event* row, Py_ssize_t length) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef Event event
    for i in range(1, length):
        event = row[i]
        j = i
        while j > 0 and event_after(&row[j - 1], &event):
            row[j] = row[j - 1]
            j -= 1
        row[j] = event


cdef void sort_row(Event* row, Event* other, Py_ssize_t length) noexcept nogil:
    """Stable sort by (time, item): spread over buckets by the leading bits, the crowded ones again, then one insertion sort."""
    if length > INSERTION:
        spread(row, other, length)
    insertion_sort(row, length)


cdef inline uint64_t field(const Event* event, int which) noexcept nogil:
    return event.time if which == 0 else event.item if which == 1 else event.low


cdef void spread(Event* row, Event* other, Py_ssize_t length) noexcept nogil:
    """Leave no event more than a short bucket away from its place."""
    cdef uint64_t least = 0
    cdef uint64_t most = 0
    cdef uint64_t span = 0
    cdef uint32_t[MOST_BUCKETS + 1] starts
    cdef Py_ssize_t i, start, buckets = 2
    cdef int shift = 0
    cdef int which = 0
    while True:  # by the first field that is not the same in all events
        least = most = field(&row[0], which)
        for i in range(1, length):
            least = min(least, field(&row[i], which))
            most = max(most, field(&row[i], which))
        span = most - least
        if span != 0:
            break
        which += 1
        if which == 3:
            return
    while buckets < MOST_BUCKETS and 2 * buckets < length:
        buckets *= 2
    while span >> shift >= <uint64_t> buckets:
        shift += 1
    memset(starts, 0, (buckets + 1) * sizeof(uint32_t))
    for i in range(length):
        starts[((field(&row[i], which) - least) >> shift) + 1] += 1
    for i in range(buckets):
        starts[i + 1] += starts[i]
    memcpy(other, row, length * sizeof(Event))
    for i in range(length):
        span = (field(&other[i], which) - least) >> shift
        row[starts[span]] = other[i]
        starts[span] += 1
    for i in range(buckets):  # starts[i] is now the end of bucket i
        start = 0 if i == 0 else starts[i - 1]
        if starts[i] - start > INSERTION:
            spread(row + start, other, starts[i] - start)


cdef void sort_ties(Event* events, Tie* ties, Py_ssize_t length, const float* first, const float* second) noexcept nogil:
    cdef Py_ssize_t i
    cdef bint sorted_already = True
    for i in range(length):
        ties[i].first = ordered(first[events[i].low]) if first != NULL else 0
        ties[i].second = ordered(second[events[i].low])
        ties[i].place = events[i].low
        if i > 0 and compare_ties(&ties[i - 1], &ties[i]) > 0:
            sorted_already = False
    if not sorted_already:
        qsort(ties, length, sizeof(Tie), compare_ties)
        for i in range(length):
            events[i].low = ties[i].place


cdef void break_ties(Event* row, Event* other, Py_ssize_t length, const float* first, const float* second) noexcept nogil:
    """Order the events of one time and item by their values."""
    cdef Py_ssize_t i = 0, j
    while i < length:
        j = i + 1
        while j < length and row[j].time == row[i].time and row[j].item == row[i].item:
            j += 1
        if j > i + 1:
            sort_ties(row + i, <Tie*> other, j - i, first, second)
        i = j


def sort_rows(
    const int64_t[::1] indptr, Py_ssize_t start, Py_ssize_t stop, unsigned char[::1] scratch,
    const float[::1] first, const float[::1] second,
    int32_t[::1] cols, float[::1] sorted_first, int64_t[::1] times, float[::1] sorted_second,
):
    """Sort the rows ``start:stop`` by (time, column, first value, second value).

    The outputs are filled: the sorted columns, and whichever of times and values are given. With `second`, events
    hold their position.
    """
    cdef Event* events = <Event*> &scratch[0]
    cdef const float* one = &first[0] if first is not None else NULL
    cdef const float* two = &second[0] if second is not None else NULL
    cdef Py_ssize_t row, i, place, length, longest = 0
    cdef Event* events_of_row
    cdef Event* other
    cdef bint sorted_already
    if indptr[start] == indptr[stop]:
        return
    for row in range(start, stop):
        longest = max(longest, indptr[row + 1] - indptr[row])
    other = <Event*> malloc(longest * sizeof(Event))
    if other == NULL:
        raise MemoryError("no memory to sort a row of events")
    with nogil:
        for row in range(start, stop):
            events_of_row = events + indptr[row]
            length = indptr[row + 1] - indptr[row]
            sorted_already = True
            for i in range(1, length):
                if event_after(&events_of_row[i - 1], &events_of_row[i]):
                    sorted_already = False
                    break
            if not sorted_already:
                sort_row(events_of_row, other, length)
            if two != NULL:
                break_ties(events_of_row, other, length, one, two)
            for i in range(length):
                place = indptr[row] + i
                cols[place] = <int32_t> events_of_row[i].item
                if times is not None:
                    times[place] = <int64_t> (events_of_row[i].time ^ 0x8000000000000000u)
                if sorted_first is not None:
                    sorted_first[place] = one[events_of_row[i].low] if two != NULL else unordered(events_of_row[i].low)
                if sorted_second is not None:
                    sorted_second[place] = two[events_of_row[i].low]
        free(other)


cdef void sort_keys(uint64_t* keys, uint64_t* other, Py_ssize_t length) noexcept nogil:
    """Stable sort by the upper half (the column); the lower half is the position in the row."""
    cdef Py_ssize_t i, j
    cdef uint64_t key, seen = 0
    cdef int shift
    cdef uint32_t before, held
    cdef uint32_t[256] offsets
    cdef uint64_t* source = keys
    cdef uint64_t* target = other
    cdef uint64_t* swap
    for i in range(1, length):
        if keys[i - 1] > keys[i]:
            break
    else:
        return
    if length <= INSERTION:
        for i in range(1, length):
            key = keys[i]
            j = i
            while j > 0 and keys[j - 1] > key:
                keys[j] = keys[j - 1]
                j -= 1
            keys[j] = key
        return
    for i in range(length):
        seen |= keys[i]
    for shift in range(32, 64, 8):
        if seen >> shift == 0:
            break
        memset(offsets, 0, sizeof(offsets))
        for i in range(length):
            offsets[(source[i] >> shift) & 255] += 1
        before = 0
        for i in range(256):
            held = offsets[i]
            offsets[i] = before
            before += held
        for i in range(length):
            held = (source[i] >> shift) & 255
            target[offsets[held]] = source[i]
            offsets[held] += 1
        swap = source
        source = target
        target = swap
    if source != keys:
        memcpy(keys, source, length * sizeof(uint64_t))


cdef Py_ssize_t aggregate_row(
    const uint64_t* keys, Py_ssize_t length, const float* values, const float* weights, int how, int32_t* indices, float* data,
) noexcept nogil:
    """Merge the repeats of one row (keys sorted); return how many columns it has."""
    cdef Py_ssize_t i = 0, n = 0
    cdef uint32_t place
    cdef uint64_t column
    cdef double total, value
    while i < length:
        column = keys[i] >> 32
        total = 0.0
        indices[n] = <int32_t> column
        while True:
            place = <uint32_t> keys[i]
            value = <double> values[place] if values != NULL else 1.0
            if weights != NULL:
                value = value * <double> weights[place]
            if how == SUM or how == COUNT:
                total += value
            elif how == LAST:
                total = value
            elif i == 0 or keys[i - 1] >> 32 != column or value > total:
                total = value
            i += 1
            if i == length or keys[i] >> 32 != column:
                break
        data[n] = <float> (total + 0.0)  # never −0
        n += 1
    return n


def aggregate_rows(
    const int64_t[::1] indptr, Py_ssize_t start, Py_ssize_t stop, const int32_t[::1] cols, const float[::1] values,
    const float[::1] weights, int how, int32_t[::1] indices, float[::1] data, int64_t[::1] lengths,
):
    """Merge the repeats of the rows ``start:stop`` into the front of their place; `lengths` gets the number of columns left."""
    cdef const float* value = NULL
    cdef const float* weight = NULL
    cdef Py_ssize_t row, i, length, longest = 0
    cdef int64_t first
    cdef uint64_t* keys
    if indptr[start] == indptr[stop]:
        return
    if values is not None and how != COUNT:
        value = &values[0]
    if weights is not None:
        weight = &weights[0]
    for row in range(start, stop):
        longest = max(longest, indptr[row + 1] - indptr[row])
    keys = <uint64_t*> malloc(2 * longest * sizeof(uint64_t))
    if keys == NULL:
        raise MemoryError("no memory to merge a row of events")
    with nogil:
        for row in range(start, stop):
            first = indptr[row]
            length = indptr[row + 1] - first
            for i in range(length):
                keys[i] = (<uint64_t> cols[first + i]) << 32 | <uint64_t> i
            sort_keys(keys, keys + longest, length)
            lengths[row] = aggregate_row(
                keys, length, value + first if value != NULL else NULL, weight + first if weight != NULL else NULL,
                how, &indices[0] + first, &data[0] + first,
            )
        free(keys)


def compact_rows(
    const int64_t[::1] indptr, const int64_t[::1] new_indptr, Py_ssize_t start, Py_ssize_t stop,
    const int32_t[::1] indices, const float[::1] data, int32_t[::1] new_indices, float[::1] new_data,
):
    """Copy the merged rows ``start:stop`` to their final place."""
    cdef Py_ssize_t row, length
    with nogil:
        for row in range(start, stop):
            length = new_indptr[row + 1] - new_indptr[row]
            if length:
                memcpy(&new_indices[new_indptr[row]], &indices[indptr[row]], length * sizeof(int32_t))
                memcpy(&new_data[new_indptr[row]], &data[indptr[row]], length * sizeof(float))
