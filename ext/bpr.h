/* Steps of Bayesian personalised ranking, in one variant for each width of vector registers.
 *
 * All variants give the same bits: sums are made in LANES lanes and one tree, nothing is contracted, everything else is
 * element by element. Vectors are padded with zeros to a multiple of LANES; zeros stay zeros.
 */
#ifndef RECSYS_BPR_H
#define RECSYS_BPR_H

#include <stdint.h>
#include <string.h>

#define LANES 8
#define MOST_NEGATIVES 32
#define AHEAD 32 /* steps whose rows are fetched together */
#define TRIES 8  /* draws before a user who has almost everything is let alone */
#define TABLE_REACH 16.0f
#define TABLE_STEPS 64.0f /* a unit */

#if defined(__GNUC__)
typedef float Lanes __attribute__((vector_size(32), aligned(4)));
#define INSIDE static inline __attribute__((always_inline))
#define FETCH(place) __builtin_prefetch(place, 1)
#else
#define INSIDE static inline
#define FETCH(place) (void)(place)
#endif

typedef struct {
    int32_t user, item;
} Pair;

typedef struct {
    const int64_t *indptr; /* what every user has, codes rising */
    const int32_t *items;
    const int32_t *pool; /* the items that negatives are drawn from */
    int64_t n_pool;
    float *user_vectors, *item_vectors, *item_biases;
    int64_t d;
    const float *slopes; /* 1 / (1 + exp(x)) from -TABLE_REACH to TABLE_REACH */
    float rate, keep;    /* of a gradient; of what was there before it */
    int64_t negatives;
    uint64_t seed;
    int fixed; /* whether items stay as they are */
} Job;

INSIDE uint64_t scrambled(uint64_t state) /* splitmix64 (Steele, Lea and Flood 2014) */
{
    state += 0x9E3779B97F4A7C15u;
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9u;
    state = (state ^ (state >> 27)) * 0x94D049BB133111EBu;
    return state ^ (state >> 31);
}

INSIDE uint64_t nth_random(uint64_t seed, uint64_t place) { return scrambled(seed + place * 0xD1342543DE82EF95u); }

INSIDE int64_t below(uint64_t bits, int64_t n) { return (int64_t)(((bits >> 32) * (uint64_t)n) >> 32); }

INSIDE int has_item(const Job *job, int32_t user, int32_t item)
{
    int64_t low = job->indptr[user], end = job->indptr[user + 1], high = end;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (job->items[middle] < item)
            low = middle + 1;
        else
            high = middle;
    }
    return low < end && job->items[low] == item;
}

/* Draw items that the user does not have; -1 where none was found. */
INSIDE void draw_negatives(const Job *job, int32_t user, uint64_t place, int32_t *drawn)
{
    uint64_t bits = nth_random(job->seed, place);
    for (int64_t n = 0; n < job->negatives; n++) {
        drawn[n] = -1;
        for (int tries = 0; tries < TRIES && drawn[n] < 0; tries++) {
            bits = scrambled(bits);
            int32_t item = job->pool[below(bits, job->n_pool)];
            if (!has_item(job, user, item))
                drawn[n] = item;
        }
    }
}

INSIDE float inner(const float *left, const float *right, int64_t d)
{
    float sums[LANES] = {0};
#if defined(__GNUC__)
    Lanes lanes = {0};
    for (int64_t k = 0; k < d; k += LANES)
        lanes += *(const Lanes *)(left + k) * *(const Lanes *)(right + k);
    memcpy(sums, &lanes, sizeof sums);
#else
    for (int64_t k = 0; k < d; k += LANES)
        for (int lane = 0; lane < LANES; lane++)
            sums[lane] += left[k + lane] * right[k + lane];
#endif
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

INSIDE float slope_at(const float *slopes, float margin)
{
    float place = (margin + TABLE_REACH) * TABLE_STEPS, last = 2 * TABLE_REACH * TABLE_STEPS;
    if (!(place > 0.0f))
        return slopes[0];
    if (place >= last)
        return slopes[(int)last];
    int whole = (int)place;
    return slopes[whole] + (place - (float)whole) * (slopes[whole + 1] - slopes[whole]);
}

INSIDE void move(const Job *job, float *user, float *liked, float *other, float gain)
{
    float keep = job->keep;
#if defined(__GNUC__)
    for (int64_t k = 0; k < job->d; k += LANES) {
        Lanes u = *(Lanes *)(user + k), i = *(Lanes *)(liked + k), j = *(Lanes *)(other + k);
        *(Lanes *)(user + k) = u * keep + (i - j) * gain;
        if (!job->fixed) {
            *(Lanes *)(liked + k) = i * keep + u * gain;
            *(Lanes *)(other + k) = j * keep - u * gain;
        }
    }
#else
    for (int64_t k = 0; k < job->d; k++) {
        float u = user[k], i = liked[k], j = other[k];
        user[k] = u * keep + (i - j) * gain;
        if (!job->fixed) {
            liked[k] = i * keep + u * gain;
            other[k] = j * keep - u * gain;
        }
    }
#endif
}

/* One step: the user's item against the drawn one that scores highest (the first of equal ones). */
INSIDE void step(const Job *job, Pair pair, const int32_t *drawn)
{
    float *user = job->user_vectors + pair.user * job->d, *liked = job->item_vectors + pair.item * job->d;
    int32_t other = -1;
    float highest = 0.0f;
    for (int64_t n = 0; n < job->negatives; n++) {
        if (drawn[n] < 0)
            continue;
        float score = inner(user, job->item_vectors + drawn[n] * job->d, job->d) + job->item_biases[drawn[n]];
        if (other < 0 || score > highest) {
            other = drawn[n];
            highest = score;
        }
    }
    if (other < 0)
        return;
    float margin = inner(user, liked, job->d) + job->item_biases[pair.item] - highest;
    float gain = job->rate * slope_at(job->slopes, margin);
    move(job, user, liked, job->item_vectors + other * job->d, gain);
    if (!job->fixed) {
        job->item_biases[pair.item] = job->item_biases[pair.item] * job->keep + gain;
        job->item_biases[other] = job->item_biases[other] * job->keep - gain;
    }
}

INSIDE void all_steps(const Job *job, const Pair *pairs, int64_t n, uint64_t place)
{
    int32_t drawn[AHEAD][MOST_NEGATIVES];
    for (int64_t start = 0; start < n; start += AHEAD) {
        int64_t size = n - start < AHEAD ? n - start : AHEAD;
        for (int64_t k = 0; k < size; k++) {
            Pair pair = pairs[start + k];
            draw_negatives(job, pair.user, place + (uint64_t)(start + k), drawn[k]);
            for (int64_t column = 0; column < job->d; column += 16) {
                FETCH(job->user_vectors + pair.user * job->d + column);
                FETCH(job->item_vectors + pair.item * job->d + column);
                for (int64_t m = 0; m < job->negatives; m++)
                    if (drawn[k][m] >= 0)
                        FETCH(job->item_vectors + drawn[k][m] * job->d + column);
            }
        }
        for (int64_t k = 0; k < size; k++)
            step(job, pairs[start + k], drawn[k]);
    }
}

#if defined(__GNUC__) && defined(__x86_64__)
__attribute__((target("avx2"))) static void
all_steps_wide(const Job *job, const Pair *pairs, int64_t n, uint64_t place)
{
    all_steps(job, pairs, n, place);
}
#else
#define all_steps_wide all_steps
#endif

static void take_steps(const Job *job, const Pair *pairs, int64_t n, uint64_t place, int wide)
{
    if (wide)
        all_steps_wide(job, pairs, n, place);
    else
        all_steps(job, pairs, n, place);
}

#endif
