/* Approximate scores of a group of users with a panel of items, in one variant for each width of vector registers.
 *
 * Only a prefilter: sums are made in whatever order and with fused multiply-adds, so the variants differ in the last bits.
 * Layout: users[column][GROUP], items[column][PANEL], scores[GROUP][PANEL].
 */
#ifndef RECSYS_PANELS_H
#define RECSYS_PANELS_H

#include <stdint.h>

#define GROUP 12
#define PANEL 32

#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>

/* 24 sums in registers. */
__attribute__((target("avx512f"))) static void
score_avx512(const float *users, const float *items, int64_t d, float *scores)
{
    __m512 sums[GROUP][2];
    for (int user = 0; user < GROUP; user++)
        sums[user][0] = sums[user][1] = _mm512_setzero_ps();
    for (int64_t column = 0; column < d; column++) {
        __m512 left = _mm512_loadu_ps(items + column * PANEL), right = _mm512_loadu_ps(items + column * PANEL + 16);
        for (int user = 0; user < GROUP; user++) {
            __m512 value = _mm512_set1_ps(users[column * GROUP + user]);
            sums[user][0] = _mm512_fmadd_ps(value, left, sums[user][0]);
            sums[user][1] = _mm512_fmadd_ps(value, right, sums[user][1]);
        }
    }
    for (int user = 0; user < GROUP; user++) {
        _mm512_storeu_ps(scores + user * PANEL, sums[user][0]);
        _mm512_storeu_ps(scores + user * PANEL + 16, sums[user][1]);
    }
}

/* 12 sums in registers: half of the users with half of the items at a time. */
__attribute__((target("avx2,fma"))) static void
score_avx2(const float *users, const float *items, int64_t d, float *scores)
{
    for (int quarter = 0; quarter < 4; quarter++) {
        const float *us = users + (quarter / 2) * 6, *is = items + (quarter % 2) * 16;
        float *out = scores + (quarter / 2) * 6 * PANEL + (quarter % 2) * 16;
        __m256 sums[6][2];
        for (int user = 0; user < 6; user++)
            sums[user][0] = sums[user][1] = _mm256_setzero_ps();
        for (int64_t column = 0; column < d; column++) {
            __m256 left = _mm256_loadu_ps(is + column * PANEL), right = _mm256_loadu_ps(is + column * PANEL + 8);
            for (int user = 0; user < 6; user++) {
                __m256 value = _mm256_set1_ps(us[column * GROUP + user]);
                sums[user][0] = _mm256_fmadd_ps(value, left, sums[user][0]);
                sums[user][1] = _mm256_fmadd_ps(value, right, sums[user][1]);
            }
        }
        for (int user = 0; user < 6; user++) {
            _mm256_storeu_ps(out + user * PANEL, sums[user][0]);
            _mm256_storeu_ps(out + user * PANEL + 8, sums[user][1]);
        }
    }
}

#endif

/* Plain C; 4 users with 8 items at a time fit the registers of any 128-bit machine. */
static void score_baseline(const float *users, const float *items, int64_t d, float *scores)
{
    for (int first = 0; first < GROUP; first += 4)
        for (int left = 0; left < PANEL; left += 8) {
            float sums[4][8] = {{0}};
            for (int64_t column = 0; column < d; column++)
                for (int user = 0; user < 4; user++)
                    for (int item = 0; item < 8; item++)
                        sums[user][item] += users[column * GROUP + first + user] * items[column * PANEL + left + item];
            for (int user = 0; user < 4; user++)
                for (int item = 0; item < 8; item++)
                    scores[(first + user) * PANEL + left + item] = sums[user][item];
        }
}

#endif
