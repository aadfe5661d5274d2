/* Weights of a Poisson bootstrap, a batch of replicates at a time.
 *
 * The weight of a unit in a replicate is a function of (seed, unit, replicate). A 16-bit number, uniform, is at least
 * LIMITS[k] with the probability that a weight exceeds k. These probabilities are those of a Poisson(1) variable in
 * 1/65536, rounded so that the mean and the variance of a weight are exactly 1; no probability is off by more than 1.9e-5, and
 * weights above 8 (1.1e-6) do not occur.
 */
#ifndef RECSYS_POISSON_H
#define RECSYS_POISSON_H

#include <stdint.h>
#include <string.h>

#define BLOCKS 16    /* counters that are mixed side by side */
#define TOGETHER 128 /* replicates: eight from each counter */
#define ROUNDS 10
#define LARGEST 8

static const int16_t LIMITS[LARGEST] = {
    32768 - 41427, 32768 - 17317, 32768 - 5262, 32768 - 1245, 32768 - 240, 32768 - 39, 32768 - 5, 32768 - 1};

#define EXCEEDS(bits, k) (int16_t)((bits) >= LIMITS[k])

#define NAME(x) x##_baseline
#include "poisson_body.h"

#if defined(__GNUC__) && defined(__x86_64__)

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif
#define NAME(x) x##_avx2
#include "poisson_body.h"
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

static inline int has_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2");
}

#define IN_VARIANT(wide, call, ...) ((wide) && has_avx2() ? call##_avx2(__VA_ARGS__) : call##_baseline(__VA_ARGS__))
#else
#define IN_VARIANT(wide, call, ...) ((void)(wide), call##_baseline(__VA_ARGS__))
#endif

static void poisson_sums(
    int wide, uint64_t seed, const int64_t *keys, const int32_t *groups, const double *values, int64_t n_columns,
    int64_t start, int64_t stop, uint32_t batch, double *sums)
{
    IN_VARIANT(wide, poisson_sums, seed, keys, groups, values, n_columns, start, stop, batch, sums);
}

static void poisson_places(
    int wide, uint64_t seed, const int64_t *keys, int64_t start, int64_t stop, uint32_t batch, int32_t *totals,
    const int32_t *targets, int32_t *places)
{
    IN_VARIANT(wide, poisson_places, seed, keys, start, stop, batch, totals, targets, places);
}

#endif
