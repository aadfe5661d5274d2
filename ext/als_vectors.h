/* Eight floats at a time, under the same names in every variant; als_rows.h is written with them.
 *
 * FN(name) is the name in this variant, INLINE and OUTER say for which instructions a function is compiled.
 */
#undef FN
#undef INLINE
#undef OUTER
#undef VEC

#if ALS_VARIANT == ALS_AVX2

#define FN(name) name##_avx2
#define OUTER __attribute__((target("avx2,fma"))) static
#define INLINE __attribute__((target("avx2,fma"), always_inline)) static inline
#define VEC __m256

INLINE VEC FN(load)(const float *p) { return _mm256_loadu_ps(p); }
INLINE void FN(store)(float *p, VEC a) { _mm256_storeu_ps(p, a); }
INLINE VEC FN(splat)(float a) { return _mm256_set1_ps(a); }
INLINE VEC FN(mul)(VEC a, VEC b) { return _mm256_mul_ps(a, b); }
INLINE VEC FN(add)(VEC a, VEC b) { return _mm256_add_ps(a, b); }
INLINE VEC FN(more)(VEC a, VEC b, VEC c) { return _mm256_fmadd_ps(a, b, c); }
INLINE VEC FN(less)(VEC a, VEC b, VEC c) { return _mm256_fnmadd_ps(a, b, c); }

INLINE float FN(sum)(VEC a)
{
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

/* Rows become columns: eight vectors to eight places `ld` apart. */
INLINE void FN(store_transposed)(const VEC *rows, float *out, int64_t ld)
{
    VEC a[8], b[8];
    for (int i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        b[i] = _mm256_shuffle_ps(a[i], a[i + 2], 0x44);
        b[i + 1] = _mm256_shuffle_ps(a[i], a[i + 2], 0xee);
        b[i + 2] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0x44);
        b[i + 3] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(out + i * ld, _mm256_permute2f128_ps(b[i], b[i + 4], 0x20));
        _mm256_storeu_ps(out + (i + 4) * ld, _mm256_permute2f128_ps(b[i], b[i + 4], 0x31));
    }
}

#else

#define FN(name) name##_plain
#define OUTER static
#define INLINE static inline
#define VEC vec_plain

typedef struct {
    float lane[8];
} VEC;

#define LANES for (int i = 0; i < 8; i++)

INLINE VEC FN(load)(const float *p) { VEC a; LANES a.lane[i] = p[i]; return a; }
INLINE void FN(store)(float *p, VEC a) { LANES p[i] = a.lane[i]; }
INLINE VEC FN(splat)(float x) { VEC a; LANES a.lane[i] = x; return a; }
INLINE VEC FN(mul)(VEC a, VEC b) { LANES a.lane[i] *= b.lane[i]; return a; }
INLINE VEC FN(add)(VEC a, VEC b) { LANES a.lane[i] += b.lane[i]; return a; }
INLINE VEC FN(more)(VEC a, VEC b, VEC c) { LANES c.lane[i] += a.lane[i] * b.lane[i]; return c; }
INLINE VEC FN(less)(VEC a, VEC b, VEC c) { LANES c.lane[i] -= a.lane[i] * b.lane[i]; return c; }

INLINE float FN(sum)(VEC a)
{
    float half[4];
    for (int i = 0; i < 4; i++)
        half[i] = a.lane[i] + a.lane[i + 4];
    return (half[0] + half[2]) + (half[1] + half[3]);
}

INLINE void FN(store_transposed)(const VEC *rows, float *out, int64_t ld)
{
    for (int j = 0; j < 8; j++)
        LANES out[j * ld + i] = rows[i].lane[j];
}

#undef LANES
#endif

/* The first `count` of eight floats, then zeros: the end of a row that may be the end of the array. */
INLINE VEC FN(load_part)(const float *p, int64_t count)
{
    float lanes[8] = {0};
    if (count >= 8)
        return FN(load)(p);
    memcpy(lanes, p, count * sizeof(float));
    return FN(load)(lanes);
}
