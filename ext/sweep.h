/* Top-k lists for a few users, without preparing the items: float32 products drop most of them, `fixed_dot` ranks the rest.
 *
 * SIDE users lie beside each other in registers, and a number of an item is given to all of them at once. The products are
 * fused and summed in the order of the columns, so they differ from `fixed_dot` by rounding; a user's slack bounds by how much.
 */
#ifndef RECSYS_SWEEP_H
#define RECSYS_SWEEP_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "topn.h"

#define SIDE 16
#define ROWS 8 /* items at a time: their sums fill the registers */
#define AHEAD (3 * ROWS) /* items that are fetched beforehand: eight rows at once are too many for the machine to guess */
#define LINE 16 /* floats of a cache line */
#define BLOCK_BYTES (1 << 17) /* of items that stay in the cache while all users see them */

/* Who may get what; `codes` are the candidates of everybody, in rising order. */
typedef struct {
    const int32_t *codes;
    int64_t n;
    const int64_t *blocked_ptr;
    const int32_t *blocked;
    const int64_t *allowed_ptr; /* or NULL */
    const int32_t *allowed;
} Choice;

/* masks[item], bit u: whether the product with users[column][SIDE] reaches the bar of user u. */
typedef void (*Tile)(const float *users, const float *const *items, int64_t d, const float *bars, uint32_t *masks);

#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2,fma"))) static void
tile_avx2(const float *users, const float *const *items, int64_t d, const float *bars, uint32_t *masks)
{
    for (int first = 0; first < ROWS; first += 4) {
        __m256 low[4], high[4];
        for (int item = 0; item < 4; item++)
            low[item] = high[item] = _mm256_setzero_ps();
        for (int64_t column = 0; column < d; column++) {
            __m256 left = _mm256_loadu_ps(users + column * SIDE), right = _mm256_loadu_ps(users + column * SIDE + 8);
            for (int item = 0; item < 4; item++) {
                __m256 value = _mm256_set1_ps(items[first + item][column]);
                low[item] = _mm256_fmadd_ps(left, value, low[item]);
                high[item] = _mm256_fmadd_ps(right, value, high[item]);
            }
        }
        __m256 left = _mm256_loadu_ps(bars), right = _mm256_loadu_ps(bars + 8);
        for (int item = 0; item < 4; item++)
            masks[first + item] = (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(low[item], left, _CMP_GE_OQ)) |
                                  (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(high[item], right, _CMP_GE_OQ)) << 8;
    }
}

__attribute__((target("avx512f"))) static void
tile_avx512(const float *users, const float *const *items, int64_t d, const float *bars, uint32_t *masks)
{
    __m512 sums[ROWS];
    for (int item = 0; item < ROWS; item++)
        sums[item] = _mm512_setzero_ps();
    for (int64_t column = 0; column < d; column++) {
        __m512 side = _mm512_loadu_ps(users + column * SIDE);
        for (int item = 0; item < ROWS; item++)
            sums[item] = _mm512_fmadd_ps(side, _mm512_set1_ps(items[item][column]), sums[item]);
    }
    __m512 wanted = _mm512_loadu_ps(bars);
    for (int item = 0; item < ROWS; item++)
        masks[item] = _mm512_cmp_ps_mask(sums[item], wanted, _CMP_GE_OQ);
}

#endif

/* Width 1 is AVX2, 2 AVX-512. Elsewhere nobody asks: one product a candidate is as fast. */
static Tile tile_of(int width)
{
#if defined(__GNUC__) && defined(__x86_64__)
    return width == 2 ? tile_avx512 : tile_avx2;
#else
    (void)width;
    return NULL;
#endif
}

static inline int chosen(const Choice *choice, int64_t row, int32_t code)
{
    return !holds(choice->blocked, choice->blocked_ptr[row], choice->blocked_ptr[row + 1], code) &&
           (!choice->allowed_ptr || holds(choice->allowed, choice->allowed_ptr[row], choice->allowed_ptr[row + 1], code));
}

/* By how much a product may differ from `fixed_dot`: both are off by at most d + LANES roundings of the norms' product
 * (Higham, Accuracy and Stability, 2nd ed., eq. 3.5; 1.1 for the higher orders) and by what underflows in each column. */
static double slack_of(double user_norm, double longest, int64_t d)
{
    return ldexp(2.2 * (double)(d + LANES), -24) * user_norm * longest + 4.0 * (double)d * FLT_MIN;
}

/* What is known of one user: the list, which is kept in the output, and by how much a product may be off. */
typedef struct {
    TopList list;
    double slack;
} Sought;

/* The candidates start … stop for the SIDE users from row `first` on; bars of what is no user are infinite. */
static void sweep_block(
    Tile tile, const float *side, const float *users, const float *items, int64_t d, const Choice *choice, int64_t start,
    int64_t stop, int64_t first, Sought *sought, float *bars)
{
    for (int64_t place = start; place < stop; place += ROWS) {
        const float *rows[ROWS];
        uint32_t masks[ROWS];
        int64_t count = stop - place < ROWS ? stop - place : ROWS;
        for (int64_t item = 0; item < ROWS; item++)
            rows[item] = items + (int64_t)choice->codes[place + (item < count ? item : 0)] * d;
        for (int64_t next = place + AHEAD; next < place + AHEAD + ROWS && next < choice->n; next++)
            for (int64_t column = 0; column < d; column += LINE)
                FETCH(items + (int64_t)choice->codes[next] * d + column, 2);
        tile(side, rows, d, bars, masks);
        for (int64_t item = 0; item < count; item++)
            for (int64_t user = 0; masks[item] >> user; user++) {
                TopList *list = &sought[user].list;
                int32_t code = choice->codes[place + item];
                if (!(masks[item] >> user & 1) || !chosen(choice, first + user, code))
                    continue;
                offer(list, fixed_dot(users + (first + user) * d, rows[item], d), code);
                if (list->size == list->capacity)
                    bars[user] = nextafterf((float)((double)list->scores[0] - sought[user].slack), -INFINITY);
            }
    }
}

/* Fill rows start … stop of the output; 1 if there is no memory (or no tile). `longest` is the largest norm of an item.
 *
 * All groups of users take the items of a block while it is in the cache.
 */
static int sweep_users(
    int width, const float *users, const double *norms, const float *items, double longest, int64_t d, const Choice *choice,
    int64_t start, int64_t stop, int64_t k, int32_t *indices, float *scores)
{
    Tile tile = tile_of(width);
    int64_t n = stop - start, whole = (n + SIDE - 1) / SIDE * SIDE, block = BLOCK_BYTES / 4 / d / ROWS * ROWS;
    float *sides = calloc(whole * d, sizeof(float)), *bars = malloc(whole * sizeof(float));
    Sought *sought = malloc(n * sizeof(Sought));
    int failed = !tile || !sides || !bars || !sought;
    block = block > ROWS ? block : ROWS;
    for (int64_t user = 0; !failed && user < whole; user++)
        bars[user] = user < n ? -INFINITY : INFINITY;
    for (int64_t user = 0; !failed && user < n; user++) {
        int64_t row = start + user;
        sought[user].list = (TopList){.scores = scores + row * k, .items = indices + row * k, .capacity = k};
        sought[user].slack = slack_of(norms[row], longest, d);
        for (int64_t column = 0; column < d; column++)
            sides[user / SIDE * SIDE * d + column * SIDE + user % SIDE] = users[row * d + column];
    }
    for (int64_t first = 0; !failed && first < choice->n; first += block)
        for (int64_t group = 0; group < n; group += SIDE)
            sweep_block(
                tile, sides + group * d, users, items, d, choice, first,
                first + block < choice->n ? first + block : choice->n, start + group, sought + group, bars + group);
    for (int64_t user = 0; !failed && user < n; user++)
        finish(&sought[user].list);
    free(sides);
    free(bars);
    free(sought);
    return failed;
}

#endif
