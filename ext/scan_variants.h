/* The variants of the scan: which hooks a tile of scan_body.h uses, and under which compiler target. */
#ifndef RECSYS_SCAN_VARIANTS_H
#define RECSYS_SCAN_VARIANTS_H

#include "scan.h"

enum { SCAN_BASELINE, SCAN_AVX2, SCAN_AVX512, SCAN_VNNI, SCAN_EMULATED_AVX512, SCAN_EMULATED_VNNI };

/* ---- plain C: 16-bit sums that wrap, whatever the machine */

typedef struct {
    uint16_t lanes[WIDE];
} PlainSums;

typedef struct {
    unsigned char bytes[4];
} PlainUser;

static inline PlainSums plain_dot(PlainSums sums, PlainUser user, const int8_t *items)
{
    int16_t first = user.bytes[0], second = user.bytes[1];
    for (int lane = 0; lane < WIDE; lane++)
        sums.lanes[lane] = (uint16_t)(sums.lanes[lane] + (uint16_t)(first * items[2 * lane] + second * items[2 * lane + 1]));
    return sums;
}

static inline PlainSums plain_starts(const int16_t *starts)
{
    PlainSums sums;
    memcpy(&sums, starts, sizeof sums);
    return sums;
}

static inline PlainUser plain_user(const unsigned char *bytes)
{
    PlainUser user;
    memcpy(&user, bytes, sizeof user);
    return user;
}

static inline uint64_t plain_above(const PlainSums *sums, int16_t bar)
{
    uint64_t mask = 0;
    for (int lane = 0; lane < WIDE; lane++)
        mask |= (uint64_t)((int16_t)sums->lanes[lane] > bar) << lane;
    return mask;
}

typedef struct {
    float lanes[LANES];
} PlainLanes;

static inline PlainLanes plain_zero(void)
{
    PlainLanes lanes = {{0}};
    return lanes;
}

static inline PlainLanes plain_add(PlainLanes sums, const float *a, const float *b)
{
    for (int lane = 0; lane < LANES; lane++)
        sums.lanes[lane] += a[lane] * b[lane];
    return sums;
}

static inline float plain_tree(PlainLanes sums)
{
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int lane = 0; lane < half; lane++)
            sums.lanes[lane] += sums.lanes[lane + half];
    return sums.lanes[0];
}

static inline int32_t plain_tail(const int16_t *u, const int8_t *v, int64_t n)
{
    int32_t sum = 0;
    for (int64_t column = 0; column < n; column++)
        sum += (int32_t)u[column] * v[column];
    return sum;
}

#define NAME(x) x##_baseline
#define LANES_TYPE PlainLanes
#define LANES_ZERO plain_zero
#define LANES_ADD plain_add
#define LANES_TREE plain_tree
#define TAIL_DOT plain_tail
#define WORD_BITS 16
#define STEP 2
#define VECTORS 1
#define SUMS PlainSums
#define VALUE PlainUser
#define ITEMS const int8_t *
#define LOAD_STARTS(starts, v) plain_starts(starts)
#define BROADCAST(bytes) plain_user(bytes)
#define LOAD(items, v) (items)
#define DOT(sums, user, items) plain_dot(sums, user, items)
#define ABOVE(sums, bar) plain_above(sums, bar)
#define STORE(out, v, sums) memcpy(out, &(sums), sizeof(PlainSums))
#define MULTIPLY multiply_baseline
#include "scan_body.h"
#include "scan_undefine.h"

#if defined(__GNUC__) && defined(__x86_64__)

/* ---- AVX2: vpmaddubsw adds pairs (at most 127 * 127 * 2, so it never saturates), vpaddw wraps */

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

static inline uint64_t above_avx2(const __m256i *sums, int16_t bar)
{
    __m256i bars = _mm256_set1_epi16(bar), a = _mm256_cmpgt_epi16(sums[0], bars), b = _mm256_cmpgt_epi16(sums[1], bars),
            c = _mm256_cmpgt_epi16(sums[2], bars), d = _mm256_cmpgt_epi16(sums[3], bars),
            any = _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d));
    if (_mm256_testz_si256(any, any))
        return 0;
    a = _mm256_permute4x64_epi64(_mm256_packs_epi16(a, b), 0xD8);
    c = _mm256_permute4x64_epi64(_mm256_packs_epi16(c, d), 0xD8);
    return (uint32_t)_mm256_movemask_epi8(a) | (uint64_t)(uint32_t)_mm256_movemask_epi8(c) << 32;
}

static inline __m256i broadcast_avx2(const unsigned char *bytes)
{
    int32_t value;
    memcpy(&value, bytes, 4);
    return _mm256_set1_epi32(value);
}

typedef struct {
    __m256 low, high;
} Lanes256;

static inline Lanes256 zero_avx2(void)
{
    Lanes256 lanes = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    return lanes;
}

/* A product and a sum, each rounded: no fused operation. */
static inline Lanes256 add_avx2(Lanes256 sums, const float *a, const float *b)
{
    sums.low = _mm256_add_ps(sums.low, _mm256_mul_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b)));
    sums.high = _mm256_add_ps(sums.high, _mm256_mul_ps(_mm256_loadu_ps(a + 8), _mm256_loadu_ps(b + 8)));
    return sums;
}

static inline float tree_avx2(Lanes256 sums)
{
    __m256 eight = _mm256_add_ps(sums.low, sums.high);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

static inline int32_t tail_avx2(const int16_t *u, const int8_t *v, int64_t n)
{
    __m256i sums = _mm256_setzero_si256();
    for (int64_t column = 0; column < n; column += 16)
        sums = _mm256_add_epi32(
            sums, _mm256_madd_epi16(
                      _mm256_loadu_si256((const __m256i *)(u + column)),
                      _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(v + column)))));
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
}

#define NAME(x) x##_avx2
#define LANES_TYPE Lanes256
#define LANES_ZERO zero_avx2
#define LANES_ADD add_avx2
#define LANES_TREE tree_avx2
#define TAIL_DOT tail_avx2
#define WORD_BITS 16
#define STEP 2
#define VECTORS 4
#define SUMS __m256i
#define VALUE __m256i
#define ITEMS __m256i
#define LOAD_STARTS(starts, v) _mm256_loadu_si256((const __m256i *)(starts) + (v))
#define BROADCAST(bytes) broadcast_avx2(bytes)
#define LOAD(items, v) _mm256_loadu_si256((const __m256i *)(items) + (v))
#define DOT(sums, user, items) _mm256_add_epi16(sums, _mm256_maddubs_epi16(user, items))
#define ABOVE(sums, bar) above_avx2(sums, bar)
#define STORE(out, v, sums) _mm256_storeu_si256((__m256i *)(out) + (v), sums)
#define MULTIPLY multiply_avx2
#include "scan_body.h"
#include "scan_undefine.h"

#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

/* ---- 64-byte vectors in the compiler's own terms, so that AVX-512's layout and bounds are tested where it is missing */

#ifndef __clang__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpsabi" /* inlined: no such vector is ever passed */
#endif

typedef uint16_t Words64 __attribute__((vector_size(64)));
typedef int32_t Longs64 __attribute__((vector_size(64)));
typedef int8_t Bytes64 __attribute__((vector_size(64)));

static inline Bytes64 emulated_broadcast(const unsigned char *bytes)
{
    Bytes64 value;
    for (int at = 0; at < 64; at++)
        value[at] = (int8_t)bytes[at % 4];
    return value;
}

static inline Bytes64 emulated_load(const int8_t *items, int v)
{
    Bytes64 value;
    memcpy(&value, items + v * 64, 64);
    return value;
}

static inline Words64 emulated_dot16(Words64 sums, Bytes64 user, Bytes64 items)
{
    for (int at = 0; at < 32; at++)
        sums[at] = (uint16_t)(sums[at] + (uint8_t)user[2 * at] * items[2 * at] + (uint8_t)user[2 * at + 1] * items[2 * at + 1]);
    return sums;
}

static inline Longs64 emulated_dot32(Longs64 sums, Bytes64 user, Bytes64 items)
{
    for (int at = 0; at < 64; at++)
        sums[at / 4] += (uint8_t)user[at] * items[at];
    return sums;
}

static inline Words64 emulated_starts16(const int16_t *starts, int v)
{
    Words64 value;
    memcpy(&value, starts + v * 32, 64);
    return value;
}

static inline Longs64 emulated_starts32(const int32_t *starts, int v)
{
    Longs64 value;
    memcpy(&value, starts + v * 16, 64);
    return value;
}

static inline uint64_t emulated_above16(const Words64 *sums, int16_t bar)
{
    uint64_t mask = 0;
    for (int item = 0; item < WIDE; item++)
        mask |= (uint64_t)((int16_t)sums[item / 32][item % 32] > bar) << item;
    return mask;
}

static inline uint64_t emulated_above32(const Longs64 *sums, int32_t bar)
{
    uint64_t mask = 0;
    for (int item = 0; item < WIDE; item++)
        mask |= (uint64_t)(sums[item / 16][item % 16] > bar) << item;
    return mask;
}

#define LANES_TYPE PlainLanes
#define LANES_ZERO plain_zero
#define LANES_ADD plain_add
#define LANES_TREE plain_tree
#define TAIL_DOT plain_tail
#define MULTIPLY multiply_baseline
#define NAME(x) x##_emulated512
#define WORD_BITS 16
#define STEP 2
#define VECTORS 2
#define SUMS Words64
#define VALUE Bytes64
#define ITEMS Bytes64
#define LOAD_STARTS(starts, v) emulated_starts16(starts, v)
#define BROADCAST(bytes) emulated_broadcast(bytes)
#define LOAD(items, v) emulated_load(items, v)
#define DOT(sums, user, items) emulated_dot16(sums, user, items)
#define ABOVE(sums, bar) emulated_above16(sums, bar)
#define STORE(out, v, sums) memcpy((out) + (v) * 32, &(sums), 64)
#include "scan_body.h"
#include "scan_undefine.h"

#define LANES_TYPE PlainLanes
#define LANES_ZERO plain_zero
#define LANES_ADD plain_add
#define LANES_TREE plain_tree
#define TAIL_DOT plain_tail
#define MULTIPLY multiply_baseline
#define NAME(x) x##_emulatedvnni
#define WORD_BITS 32
#define STEP 4
#define VECTORS 4
#define SUMS Longs64
#define VALUE Bytes64
#define ITEMS Bytes64
#define LOAD_STARTS(starts, v) emulated_starts32(starts, v)
#define BROADCAST(bytes) emulated_broadcast(bytes)
#define LOAD(items, v) emulated_load(items, v)
#define DOT(sums, user, items) emulated_dot32(sums, user, items)
#define ABOVE(sums, bar) emulated_above32(sums, bar)
#define STORE(out, v, sums) memcpy((out) + (v) * 16, &(sums), 64)
#include "scan_body.h"
#include "scan_undefine.h"

#ifndef __clang__
#pragma GCC diagnostic pop
#endif

/* ---- AVX-512: the same products, twice as wide */

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,avx512f,avx512bw"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512bw")
#endif

static inline uint64_t above_avx512(const __m512i *sums, int16_t bar)
{
    __m512i bars = _mm512_set1_epi16(bar);
    return _mm512_cmpgt_epi16_mask(sums[0], bars) | (uint64_t)_mm512_cmpgt_epi16_mask(sums[1], bars) << 32;
}

static inline __m512i broadcast_avx512(const unsigned char *bytes)
{
    int32_t value;
    memcpy(&value, bytes, 4);
    return _mm512_set1_epi32(value);
}

#define LANES_TYPE Lanes256
#define LANES_ZERO zero_avx2
#define LANES_ADD add_avx2
#define LANES_TREE tree_avx2
#define TAIL_DOT tail_avx2
#define MULTIPLY multiply_avx512
#define NAME(x) x##_avx512
#define WORD_BITS 16
#define STEP 2
#define VECTORS 2
#define SUMS __m512i
#define VALUE __m512i
#define ITEMS __m512i
#define LOAD_STARTS(starts, v) _mm512_loadu_si512((const __m512i *)(starts) + (v))
#define BROADCAST(bytes) broadcast_avx512(bytes)
#define LOAD(items, v) _mm512_loadu_si512((const __m512i *)(items) + (v))
#define DOT(sums, user, items) _mm512_add_epi16(sums, _mm512_maddubs_epi16(user, items))
#define ABOVE(sums, bar) above_avx512(sums, bar)
#define STORE(out, v, sums) _mm512_storeu_si512((__m512i *)(out) + (v), sums)
#include "scan_body.h"
#include "scan_undefine.h"

#ifdef __clang__
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx2,fma,avx512f,avx512bw,avx512vnni"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512bw,avx512vnni")
#endif

/* ---- VNNI: vpdpbusd adds four products to a sum of 32 bits */

static inline uint64_t above_vnni(const __m512i *sums, int32_t bar)
{
    __m512i bars = _mm512_set1_epi32(bar);
    return _mm512_cmpgt_epi32_mask(sums[0], bars) | (uint64_t)_mm512_cmpgt_epi32_mask(sums[1], bars) << 16 |
           (uint64_t)_mm512_cmpgt_epi32_mask(sums[2], bars) << 32 | (uint64_t)_mm512_cmpgt_epi32_mask(sums[3], bars) << 48;
}

#define LANES_TYPE Lanes256
#define LANES_ZERO zero_avx2
#define LANES_ADD add_avx2
#define LANES_TREE tree_avx2
#define TAIL_DOT tail_avx2
#define MULTIPLY multiply_avx512
#define NAME(x) x##_avx512vnni
#define WORD_BITS 32
#define STEP 4
#define VECTORS 4
#define SUMS __m512i
#define VALUE __m512i
#define ITEMS __m512i
#define LOAD_STARTS(starts, v) _mm512_loadu_si512((const __m512i *)(starts) + (v))
#define BROADCAST(bytes) broadcast_avx512(bytes)
#define LOAD(items, v) _mm512_loadu_si512((const __m512i *)(items) + (v))
#define DOT(sums, user, items) _mm512_dpbusd_epi32(sums, user, items)
#define ABOVE(sums, bar) above_vnni(sums, bar)
#define STORE(out, v, sums) _mm512_storeu_si512((__m512i *)(out) + (v), sums)
#include "scan_body.h"
#include "scan_undefine.h"

#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

static inline int widest_scan(void)
{
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"))
        return __builtin_cpu_supports("avx512vnni") ? SCAN_VNNI : SCAN_AVX512;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? SCAN_AVX2 : SCAN_BASELINE;
}

#define DISPATCH(path, call, ...)                                                                       \
    ((path) == SCAN_AVX2                                    ? call##_avx2(__VA_ARGS__)                  \
     : (path) == SCAN_AVX512                                ? call##_avx512(__VA_ARGS__)                \
     : (path) == SCAN_VNNI                                  ? call##_avx512vnni(__VA_ARGS__)            \
     : (path) == SCAN_EMULATED_AVX512                       ? call##_emulated512(__VA_ARGS__)           \
     : (path) == SCAN_EMULATED_VNNI                         ? call##_emulatedvnni(__VA_ARGS__)          \
                                                            : call##_baseline(__VA_ARGS__))
#else
static inline int widest_scan(void) { return SCAN_BASELINE; }
#define DISPATCH(path, call, ...) ((void)(path), call##_baseline(__VA_ARGS__))
#endif

static int pack_block(
    int path, const Index *index, const float *items, const double *norms, int32_t *rows, int64_t n, int8_t *heads,
    int8_t *tails, void *starts, Extremes *panels, Extremes *block)
{
    return DISPATCH(path, pack_block, index, items, norms, rows, n, heads, tails, starts, panels, block);
}

static int scan_users(
    int path, const Index *index, const Rules *rules, const float *users, const double *norms, int64_t start, int64_t stop,
    int64_t k, int32_t *items, float *scores)
{
    return DISPATCH(path, scan_users, index, rules, users, norms, start, stop, k, items, scores);
}

/* How many columns of the head lie together for an item. */
static inline int step_of(int path) { return path == SCAN_VNNI || path == SCAN_EMULATED_VNNI ? 4 : 2; }

#endif
