/* Dense algebra of one row's system, for whichever variant als_vectors.h is set to.
 *
 * A matrix is symmetric, its upper triangle stored by rows `ld` apart; sizes are multiples of 8. Every sum runs in an
 * order that depends on the sizes alone.
 */

/* A tile of 4 rows and 8·width columns: c ± Σ_k left[k]ᵀ right[k]. Twelve sums stay in registers. */
INLINE void FN(tile)(
    const float *left, const float *right, int64_t ld, int64_t n, float *c, int64_t ldc, int width, int subtract)
{
    VEC sums[4][3];
    for (int i = 0; i < 4; i++)
        for (int v = 0; v < width; v++)
            sums[i][v] = FN(load)(c + i * ldc + 8 * v);
    for (int64_t k = 0; k < n; k++, left += ld, right += ld) {
        VEC columns[3];
        for (int v = 0; v < width; v++)
            columns[v] = FN(load)(right + 8 * v);
        for (int i = 0; i < 4; i++) {
            VEC value = FN(splat)(left[i]);
            for (int v = 0; v < width; v++)
                sums[i][v] = subtract ? FN(less)(value, columns[v], sums[i][v]) : FN(more)(value, columns[v], sums[i][v]);
        }
    }
    for (int i = 0; i < 4; i++)
        for (int v = 0; v < width; v++)
            FN(store)(c + i * ldc + 8 * v, sums[i][v]);
}

/* The upper triangle of rows first … last of c: c ± panelᵀ panel. A strip of columns stays in the first-level cache. */
INLINE void FN(add_product)(
    const float *panel, int64_t ld, int64_t n, int64_t first, int64_t last, int64_t size, float *c, int64_t ldc,
    int subtract)
{
    for (int64_t column = first, stop; column < size; column = stop) {
        int64_t vectors = (size - column) / 8;
        stop = column + 8 * (vectors == 4 ? 2 : vectors < 3 ? vectors : 3);
        for (int64_t row = first; row < last && row < stop; row += 4) {
            int64_t start = column > (row & ~(int64_t)7) ? column : row & ~(int64_t)7;
            const float *left = panel + row, *right = panel + start;
            float *out = c + row * ldc + start;
            if (stop - start == 24)
                FN(tile)(left, right, ld, n, out, ldc, 3, subtract);
            else if (stop - start == 16)
                FN(tile)(left, right, ld, n, out, ldc, 2, subtract);
            else
                FN(tile)(left, right, ld, n, out, ldc, 1, subtract);
        }
    }
}

/* c += panelᵀ panel for a panel of n rows. */
OUTER void FN(add_gram)(const float *panel, int64_t ld, int64_t n, int64_t size, float *c, int64_t ldc)
{
    FN(add_product)(panel, ld, n, 0, size, size, c, ldc, 0);
}

/* The upper factor R of c = RᵀR, in place, and the inverses of its diagonal. */
OUTER void FN(factorise)(float *c, int64_t ld, int64_t size, float *inverse)
{
    for (int64_t block = 0; block < size; block += 8) {
        float *corner = c + block * ld + block;
        VEC rows[8];
        FN(add_product)(c, ld, block, block, block + 8, size, c, ld, 1);
        for (int i = 0; i < 8; i++)
            rows[i] = FN(load)(corner + i * ld);
        for (int i = 0; i < 8; i++) {
            float *line = corner + i * ld;
            FN(store)(line, rows[i]);
            inverse[block + i] = 1.0f / sqrtf(line[i]);
            rows[i] = FN(mul)(rows[i], FN(splat)(inverse[block + i]));
            FN(store)(line, rows[i]);
            for (int j = i + 1; j < 8; j++)
                rows[j] = FN(less)(FN(splat)(line[j]), rows[i], rows[j]);
            for (int j = 0; j < i; j++)
                line[j] = 0.0f;
        }
        for (int64_t column = 8; column < size - block; column += 8) {
            for (int i = 0; i < 8; i++)
                rows[i] = FN(load)(corner + i * ld + column);
            for (int i = 0; i < 8; i++) {
                rows[i] = FN(mul)(rows[i], FN(splat)(inverse[block + i]));
                for (int j = i + 1; j < 8; j++)
                    rows[j] = FN(less)(FN(splat)(corner[i * ld + j]), rows[i], rows[j]);
            }
            for (int i = 0; i < 8; i++)
                FN(store)(corner + i * ld + column, rows[i]);
        }
    }
}

/* b := (RᵀR)⁻¹ b. */
OUTER void FN(substitute)(const float *r, int64_t ld, int64_t size, const float *inverse, float *b)
{
    for (int64_t k = 0; k < size; k++) {
        const float *line = r + k * ld;
        float found = b[k] * inverse[k];
        VEC value = FN(splat)(found);
        for (int64_t j = k & ~(int64_t)7; j < size; j += 8)
            FN(store)(b + j, FN(less)(value, FN(load)(line + j), FN(load)(b + j)));
        b[k] = found;
    }
    for (int64_t k = size - 1; k >= 0; k--) {
        const float *line = r + k * ld;
        int64_t j = k & ~(int64_t)7;
        float known = b[k];
        VEC sum;
        b[k] = 0.0f;
        sum = FN(mul)(FN(load)(line + j), FN(load)(b + j));
        for (j += 8; j < size; j += 8)
            sum = FN(more)(FN(load)(line + j), FN(load)(b + j), sum);
        b[k] = (known - FN(sum)(sum)) * inverse[k];
    }
}
