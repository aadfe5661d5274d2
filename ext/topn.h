/* What the top-k kernels share: the list of the k best, the fixed inner product, the scan, the search in a row. */
#ifndef RECSYS_TOPN_H
#define RECSYS_TOPN_H

#include <math.h>
#include <stdint.h>

#ifdef __GNUC__
#define FETCH(address, nearness) __builtin_prefetch(address, 0, nearness) /* 3: into the nearest cache */
#else
#define FETCH(address, nearness) ((void)(address))
#endif

#define LANES 16
#define SCAN 32

/* The k best so far of one user: a binary heap with the worst on top, kept in the output row itself. */
typedef struct {
    float *scores;
    int32_t *items;
    int64_t size, capacity;
} TopList;

/* Order everywhere: score descending, then item index ascending. */
static inline int ranks_below(float score, int32_t item, float other_score, int32_t other_item)
{
    return score < other_score || (score == other_score && item > other_item);
}

static inline void sink(TopList *list, float score, int32_t item, int64_t size)
{
    int64_t hole = 0, child;
    while ((child = 2 * hole + 1) < size) {
        const float *scores = list->scores + child;
        const int32_t *items = list->items + child;
        if (child + 1 < size && ranks_below(scores[1], items[1], scores[0], items[0]))
            child++, scores++, items++;
        if (!ranks_below(scores[0], items[0], score, item))
            break;
        list->scores[hole] = scores[0];
        list->items[hole] = items[0];
        hole = child;
    }
    list->scores[hole] = score;
    list->items[hole] = item;
}

static inline void rise(TopList *list, float score, int32_t item)
{
    int64_t hole = list->size++;
    while (hole > 0) {
        int64_t parent = (hole - 1) / 2;
        if (!ranks_below(score, item, list->scores[parent], list->items[parent]))
            break;
        list->scores[hole] = list->scores[parent];
        list->items[hole] = list->items[parent];
        hole = parent;
    }
    list->scores[hole] = score;
    list->items[hole] = item;
}

static inline void offer(TopList *list, float score, int32_t item)
{
    if (list->size < list->capacity)
        rise(list, score, item);
    else if (ranks_below(list->scores[0], list->items[0], score, item))
        sink(list, score, item, list->size);
}

/* The score that a newcomer must reach (it may equal it): −inf while there is room. */
static inline float threshold(const TopList *list)
{
    return list->size < list->capacity ? -INFINITY : list->scores[0];
}

/* Heap to best-first list; the rest of the row becomes missing slots. */
static inline void finish(TopList *list)
{
    int64_t last;
    for (last = list->size - 1; last > 0; last--) {
        float score = list->scores[last];
        int32_t item = list->items[last];
        list->scores[last] = list->scores[0];
        list->items[last] = list->items[0];
        sink(list, score, item, last);
    }
    for (last = list->size; last < list->capacity; last++) {
        list->scores[last] = -INFINITY;
        list->items[last] = -1;
    }
}

/* The inner product in the promised order: lane l sums columns l, l + 16, …, then the upper half of the lanes is added to
 * the lower until one is left. No fused multiply-add (-ffp-contract=off), so every machine and the numpy twin agree. */
static inline float fixed_dot(const float *a, const float *b, int64_t d)
{
    float lanes[LANES] = {0};
    int64_t column, lane;
    for (column = 0; column + LANES <= d; column += LANES)
        for (lane = 0; lane < LANES; lane++)
            lanes[lane] += a[column + lane] * b[column + lane];
    for (lane = 0; column + lane < d; lane++)
        lanes[lane] += a[column + lane] * b[column + lane];
    for (int64_t half = LANES / 2; half > 0; half /= 2)
        for (lane = 0; lane < half; lane++)
            lanes[lane] += lanes[lane + half];
    return lanes[0];
}

/* The first position from `place` on whose value is above the bar or NaN; n if there is none. */
static inline int64_t next_above(const float *values, int64_t place, int64_t n, float bar)
{
    for (; place + SCAN <= n; place += SCAN) {
        int any = 0;
        for (int64_t step = 0; step < SCAN; step++)
            any |= !(values[place + step] <= bar);
        if (any)
            break;
    }
    while (place < n && values[place] <= bar)
        place++;
    return place;
}

/* Is the code in the rising run codes[low:high]? */
static inline int holds(const int32_t *codes, int64_t low, int64_t high, int32_t code)
{
    int64_t end = high;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (codes[middle] < code)
            low = middle + 1;
        else
            high = middle;
    }
    return low < end && codes[low] == code;
}

#endif
