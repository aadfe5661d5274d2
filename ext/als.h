/* Alternating least squares, one row at a time: what the variants share, then the variants. */
#ifndef RECSYS_ALS_H
#define RECSYS_ALS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define ALS_PANEL 64 /* rows of a long row's panel: beside the system in the second-level cache */
#define ALS_SPARE 24 /* floats behind the d of a vector that the tiles may touch */
#define ALS_AHEAD 6 /* rows that are fetched into the cache before they are read */
#define ALS_LEAST 1e-12f /* of a weight, so that its root can be divided by */

#define ALS_PLAIN 0
#define ALS_AVX2 1

typedef struct {
    const float *vectors; /* d floats an entry */
    const float *spectrum;
    const int32_t *codes;
    const float *weights; /* the target of an entry is weight + offset */
    const float *start; /* NULL: solve exactly */
    const float *mean;  /* NULL: 0; what the solution is counted from */
    float *out;
    float ridge, offset;
    int64_t n, d;
    int64_t following; /* entries from here to the end of the matrix */
    int64_t exact_below, block, steps; /* block 0: steps of conjugate gradients */
} AlsRow;

typedef struct {
    float *panel, *system, *scale, *inverse, *right, *root, *rest, *targets, *mean, *begin; /* begin follows mean */
} AlsSpace;

static inline int64_t als_padded(int64_t size) { return (size + 7) & ~(int64_t)7; }

/* Lines of a power of two would all fall into the same few sets of the cache. */
static inline int64_t als_stride(int64_t size) { return size % 128 ? size : size + 16; }

/* The place of the entry that is read `ahead` entries later, be it of this row or of the next. */
static inline int64_t als_later(const AlsRow *row, int64_t place, int64_t ahead)
{
    return place + ahead < row->following ? place + ahead : row->n - 1;
}

static inline void als_fetch(const float *vector, int64_t d)
{
#if defined(__GNUC__)
    for (int64_t column = 0; column < d; column += 16)
        __builtin_prefetch(vector + column);
#endif
}

static inline void als_identity(float *system, int64_t ld, int64_t size)
{
    for (int64_t i = 0; i < size; i++) {
        int64_t first = i & ~(int64_t)7;
        memset(system + i * ld + first, 0, (size - first) * sizeof(float));
        system[i * ld + i] = 1.0f;
    }
}

#define ALS_VARIANT ALS_PLAIN
#include "als_vectors.h"
#include "als_dense.h"
#include "als_rows.h"
#include "als_steps.h"
#undef ALS_VARIANT

#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>
#define ALS_VARIANT ALS_AVX2
#include "als_vectors.h"
#include "als_dense.h"
#include "als_rows.h"
#include "als_steps.h"
#undef ALS_VARIANT

static inline int als_widest(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? ALS_AVX2 : ALS_PLAIN;
}
#else
static inline int als_widest(void) { return ALS_PLAIN; }
#endif

static inline void als_solve(int path, const AlsRow *row, AlsSpace *space)
{
#if defined(__GNUC__) && defined(__x86_64__)
    if (path == ALS_AVX2) {
        solve_row_avx2(row, space);
        return;
    }
#endif
    solve_row_plain(row, space);
}

#endif
