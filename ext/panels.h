/* Approximate products of a group of rows with a panel of columns, in one variant for each width of vector registers.
 *
 * Only for a prefilter: sums are made with fused multiply-adds, so the variants differ in the last bits.
 * Layout: rows[GROUP][d], columns[d][PANEL], products[GROUP][PANEL].
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
multiply_avx512(const float *rows, const float *columns, int64_t d, float *products)
{
    __m512 sums[GROUP][2];
    for (int row = 0; row < GROUP; row++)
        sums[row][0] = sums[row][1] = _mm512_setzero_ps();
    for (int64_t step = 0; step < d; step++) {
        __m512 left = _mm512_loadu_ps(columns + step * PANEL), right = _mm512_loadu_ps(columns + step * PANEL + 16);
        for (int row = 0; row < GROUP; row++) {
            __m512 value = _mm512_set1_ps(rows[row * d + step]);
            sums[row][0] = _mm512_fmadd_ps(value, left, sums[row][0]);
            sums[row][1] = _mm512_fmadd_ps(value, right, sums[row][1]);
        }
    }
    for (int row = 0; row < GROUP; row++) {
        _mm512_storeu_ps(products + row * PANEL, sums[row][0]);
        _mm512_storeu_ps(products + row * PANEL + 16, sums[row][1]);
    }
}

/* 12 sums in registers: half of the rows with half of the columns at a time. */
__attribute__((target("avx2,fma"))) static void
multiply_avx2(const float *rows, const float *columns, int64_t d, float *products)
{
    for (int quarter = 0; quarter < 4; quarter++) {
        const float *some = rows + (quarter / 2) * 6 * d, *half = columns + (quarter % 2) * 16;
        float *out = products + (quarter / 2) * 6 * PANEL + (quarter % 2) * 16;
        __m256 sums[6][2];
        for (int row = 0; row < 6; row++)
            sums[row][0] = sums[row][1] = _mm256_setzero_ps();
        for (int64_t step = 0; step < d; step++) {
            __m256 left = _mm256_loadu_ps(half + step * PANEL), right = _mm256_loadu_ps(half + step * PANEL + 8);
            for (int row = 0; row < 6; row++) {
                __m256 value = _mm256_set1_ps(some[row * d + step]);
                sums[row][0] = _mm256_fmadd_ps(value, left, sums[row][0]);
                sums[row][1] = _mm256_fmadd_ps(value, right, sums[row][1]);
            }
        }
        for (int row = 0; row < 6; row++) {
            _mm256_storeu_ps(out + row * PANEL, sums[row][0]);
            _mm256_storeu_ps(out + row * PANEL + 8, sums[row][1]);
        }
    }
}

#endif

/* Plain C; 4 rows with 8 columns at a time fit the registers of any 128-bit machine. */
static void multiply_baseline(const float *rows, const float *columns, int64_t d, float *products)
{
    for (int first = 0; first < GROUP; first += 4)
        for (int left = 0; left < PANEL; left += 8) {
            float sums[4][8] = {{0}};
            for (int64_t step = 0; step < d; step++)
                for (int row = 0; row < 4; row++)
                    for (int column = 0; column < 8; column++)
                        sums[row][column] += rows[(first + row) * d + step] * columns[step * PANEL + left + column];
            for (int row = 0; row < 4; row++)
                for (int column = 0; column < 8; column++)
                    products[(first + row) * PANEL + left + column] = sums[row][column];
        }
}

#endif
