/* Distinct pairs of unit and code: open addressing, rows in short runs whose slots are fetched before they are looked at. */
#ifndef RECSYS_DISTINCT_H
#define RECSYS_DISTINCT_H

#include <stdint.h>

#ifdef __GNUC__
#define FETCH_SLOT(address) __builtin_prefetch(address, 1)
#else
#define FETCH_SLOT(address) ((void)(address))
#endif

#define PAIR_RUN 64

typedef struct {
    int64_t code;
    int64_t owner; /* unit + 1; 0: empty */
} Slot;

typedef struct {
    Slot *slots; /* 2^bits of them */
    int bits;
    int64_t size, limit;
} PairTable;

static inline uint64_t slot_of(int64_t code, int64_t owner, int bits)
{
    uint64_t mixed = (uint64_t)code * 0x9E3779B97F4A7C15u ^ (uint64_t)owner * 0xC2B2AE3D27D4EB4Fu;
    mixed = (mixed ^ mixed >> 32) * 0xD6E8FEB86659FD93u;
    return mixed >> (64 - bits);
}

/* Put a pair into a table with room; return whether it is new. */
static inline int insert_pair(PairTable *table, uint64_t slot, int64_t code, int64_t owner)
{
    uint64_t last = ((uint64_t)1 << table->bits) - 1;
    for (;; slot = (slot + 1) & last) {
        Slot *found = table->slots + slot;
        if (found->owner == owner && found->code == code)
            return 0;
        if (found->owner == 0) {
            found->owner = owner;
            found->code = code;
            table->size++;
            return 1;
        }
    }
}

/* Add the pairs start:stop of the units first:last; return where it stopped because the table is full, or stop. */
static int64_t add_pairs(
    PairTable *table, const int32_t *units, const int64_t *codes, int64_t start, int64_t stop, int32_t first, int32_t last,
    int32_t *counts)
{
    int64_t rows[PAIR_RUN];
    uint64_t slots[PAIR_RUN];
    uint32_t span = (uint32_t)(last - first);
    for (int64_t at = start; at < stop; at += PAIR_RUN) {
        int64_t end = stop - at < PAIR_RUN ? stop : at + PAIR_RUN;
        int n = 0;
        if (table->size + PAIR_RUN > table->limit)
            return at;
        for (int64_t row = at; row < end; row++) {
            rows[n] = row;
            n += (uint32_t)(units[row] - first) < span;
        }
        for (int i = 0; i < n; i++) {
            slots[i] = slot_of(codes[rows[i]], (int64_t)units[rows[i]] + 1, table->bits);
            FETCH_SLOT(table->slots + slots[i]);
        }
        for (int i = 0; i < n; i++) {
            int32_t unit = units[rows[i]];
            counts[unit] += insert_pair(table, slots[i], codes[rows[i]], (int64_t)unit + 1);
        }
    }
    return stop;
}

static void move_pairs(const Slot *old, int64_t n, PairTable *table)
{
    for (int64_t i = 0; i < n; i++)
        if (old[i].owner)
            insert_pair(table, slot_of(old[i].code, old[i].owner, table->bits), old[i].code, old[i].owner);
}

/* Keep the rows start:stop that lie in the window and have a code; return how many, and count those without one. */
static int64_t keep_rows(
    const int32_t *units, const int64_t *times, const int64_t *codes, const unsigned char *passes, const int64_t *starts,
    int64_t begin, uint64_t length, int64_t start, int64_t stop, int32_t *kept_units, int64_t *kept_codes, int64_t *left_out)
{
    int64_t n = 0;
    for (int64_t row = start; row < stop; row++) {
        int32_t unit = units[row];
        int inside;
        if (unit < 0 || (passes && !passes[row]))
            continue;
        inside = (uint64_t)(times[row] - starts[unit] - begin) < length;
        kept_units[n] = unit;
        kept_codes[n] = codes[row];
        *left_out += inside && codes[row] < 0;
        n += inside && codes[row] >= 0;
    }
    return n;
}

#endif
