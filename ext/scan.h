/* What every variant of the exact scan shares: the prepared items, the users of a chunk, the list of candidates.
 *
 * The scan itself (scan_body.h) is compiled once for each width of vector registers. docs/decisions/0012 derives the bounds.
 */
#ifndef RECSYS_SCAN_H
#define RECSYS_SCAN_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "panels.h"
#include "topn.h"

#ifdef __GNUC__
#define NOINLINE __attribute__((noinline))
#define RESTRICT __restrict__
#define LOWEST_BIT(bits) __builtin_ctzll(bits)
#else
#define NOINLINE
#define RESTRICT
static int64_t lowest_bit(uint64_t bits)
{
    int64_t place = 0;
    for (; !(bits & 1); bits >>= 1)
        place++;
    return place;
}
#define LOWEST_BIT(bits) lowest_bit(bits)
#endif

#define WIDE 64          /* items of a panel of the scan: one bit each in a mask */
#define BLOCK 32         /* panels that are skipped together */
#define BLOCK_ITEMS (WIDE * BLOCK)
#define MOST_HEAD 512    /* columns whose quantised product fits 16 bits with a useful precision */
#define LEAD 16          /* leading columns whose norm is bounded apart, to skip panels */
#define SEED 128         /* panels that a first threshold is taken from, at most */
#define SMALL_SEED 32    /* the same for short lists of not so many items */
#define SHORT_LIST 32
#define MANY_ITEMS (1 << 18)
#define MOST_GROUPS 16   /* panels' worth of groups that a first threshold is taken from */
#define PENDING 16       /* items whose vectors are on their way from memory */
#define TINY 1e-18f      /* the smallest scale; all values are relative to the largest norms */
#define NOTHING 1e-15f   /* added to norms for what underflows in their squares */

/* What is known of the items of a panel or block: scales, and the largest of each norm. */
typedef struct {
    float scale, inverse, tail_scale; /* of the quantised head and tail */
    float head, tail;                 /* norms of the exact parts */
    float head_error, tail_error;     /* norms of what quantisation loses */
    float lead, rest;                 /* norms of the exact parts before and after LEAD columns */
    float whole;                      /* |v| + |v B| */
} Extremes;

/* Items that were prepared together. `place` is the position in the order of the scan, `row` that in `items`. */
typedef struct {
    const float *items;
    const int32_t *rows;
    const int8_t *heads, *tails; /* panel x step x WIDE x group; place x tail_width */
    const void *starts; /* -64 * sum of the head of each place, in words */
    const Extremes *panels, *blocks;
    int64_t n, first_code;
} Segment;

typedef struct {
    const float *basis; /* columns of A in panels [panel][row][PANEL], or NULL for the identity */
    int64_t d, head, tail, tail_width;
    double item_scale, rate; /* of the items' unit; bound on all rounding errors relative to `whole` of both sides */
    const Segment *segments;
    int64_t n_segments, n_items;
} Index;

typedef struct {
    const unsigned char *eligible; /* or NULL */
    const int64_t *blocked_ptr;
    const int32_t *blocked;
    const int64_t *allowed_ptr; /* or NULL */
    const int32_t *allowed;
    const int32_t *few; /* all eligible codes if they are so few that they are scored one by one, or NULL */
    int64_t n_few;
} Rules;

#define WHOLE_LINES(n) (((n) + 15) / 16 * 16) /* a loop over so many has no rest that is not vectorised */
#define SHORT_ROW 16 /* a user with less than this part of the items allowed is not worth a scan */

static inline int may_have(const Rules *rules, int64_t row, int32_t code)
{
    return (!rules->eligible || rules->eligible[code]) &&
           !holds(rules->blocked, rules->blocked_ptr[row], rules->blocked_ptr[row + 1], code) &&
           (!rules->allowed_ptr || holds(rules->allowed, rules->allowed_ptr[row], rules->allowed_ptr[row + 1], code));
}

/* What ranks higher has the larger key: the score's bits in the order of numbers, then the complement of the code. */
static inline uint64_t key_of(float score, int32_t code)
{
    uint32_t bits;
    score += 0.0f; /* -0 becomes +0: they are equal scores */
    memcpy(&bits, &score, 4);
    bits = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    return (uint64_t)bits << 32 | (uint32_t)~code;
}

static inline int32_t code_of(uint64_t key) { return (int32_t)~(uint32_t)key; }

static inline float score_of(uint64_t key)
{
    uint32_t bits = (uint32_t)(key >> 32);
    float score;
    bits = bits & 0x80000000u ? bits & 0x7fffffffu : ~bits;
    memcpy(&score, &bits, 4);
    return score;
}

/* The items of one user that may be among the k best, in any order. */
typedef struct {
    uint64_t *keys;
    int64_t size, full, capacity, k;
} Candidates;

/* A user of the chunk, apart from what the bounds need side by side (Users). */
typedef struct {
    const float *factors;
    const int16_t *tail;
    double unit; /* final score * unit = score in the scan */
    uint64_t worst; /* the k-th best key so far, or 0 */
    int64_t row;
    Candidates found;
} User;

/* Items of any users of a chunk that wait for their exact scores while their vectors come from memory. */
typedef struct {
    int64_t slots[PENDING], n;
    int32_t codes[PENDING];
} Queue;

/* One number of each user, so that a bound is taken for several users at once. */
typedef struct {
    float *threshold; /* no item whose final score lies below it is wanted */
    float *head_error, *quantised, *tail, *whole, *floor, *lead, *rest, *scale, *inverse, *tail_error, *tail_quantised,
        *tail_scale;
} Users;

/* Hoare's selection: the k largest come first, the k-th largest is returned. */
static inline uint64_t select_keys(uint64_t *keys, int64_t n, int64_t k)
{
    int64_t low = 0, high = n - 1, wanted = k - 1;
    while (low < high) {
        uint64_t pivot = keys[low + (high - low) / 2];
        int64_t left = low, right = high;
        while (left <= right) {
            while (keys[left] > pivot)
                left++;
            while (keys[right] < pivot)
                right--;
            if (left <= right) {
                uint64_t key = keys[left];
                keys[left++] = keys[right];
                keys[right--] = key;
            }
        }
        if (wanted <= right)
            high = right;
        else if (wanted >= left)
            low = left;
        else
            break;
    }
    return keys[wanted];
}

/* Largest first: quicksort down to short runs, then insertion. */
static void sort_keys(uint64_t *keys, int64_t n)
{
    while (n > 16) {
        int64_t half = n / 2;
        select_keys(keys, n, half);
        sort_keys(keys, half);
        keys += half;
        n -= half;
    }
    for (int64_t place = 1; place < n; place++) {
        uint64_t key = keys[place];
        int64_t hole = place;
        for (; hole > 0 && keys[hole - 1] < key; hole--)
            keys[hole] = keys[hole - 1];
        keys[hole] = key;
    }
}

static inline float at_least(double value) { return nextafterf((float)value, INFINITY); }
static inline float at_most(double value) { return nextafterf((float)value, -INFINITY); }

static inline const float *row_of(const Index *index, int32_t code)
{
    int64_t place = index->n_segments - 1;
    while (index->segments[place].first_code > code)
        place--;
    return index->segments[place].items + (code - index->segments[place].first_code) * index->d;
}

#endif
