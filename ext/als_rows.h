/* The exact solution of one row, for whichever variant als_vectors.h is set to.
 *
 * With U the row's vectors, scaled to √w_i v_i D^(−1/2), and r_i = t_i / √w_i:
 *   as many unknowns as factors:  x = D^(−1/2) (I + UᵀU)⁻¹ Uᵀ r
 *   as many unknowns as entries:  x = D^(−1/2) Uᵀ (I + U Uᵀ)⁻¹ r
 * Both systems have no eigenvalue below 1.
 */

/* out = Σ_i values[i] · vectors[codes[i]], by columns of 64. */
INLINE void FN(combine)(const AlsRow *row, const float *values, float *out)
{
    int64_t d = row->d;
    for (int64_t first = 0; first < d; first += 64) {
        int64_t left = d - first;
        int whole = left >= 64, width = whole ? 8 : (int)((left + 7) / 8);
        VEC sums[8];
        for (int v = 0; v < 8; v++)
            sums[v] = FN(splat)(0.0f);
        for (int64_t i = 0; i < row->n; i++) {
            const float *vector = row->vectors + row->codes[i] * d + first;
            VEC value = FN(splat)(values[i]);
            if (whole)
                for (int v = 0; v < 8; v++)
                    sums[v] = FN(more)(value, FN(load)(vector + 8 * v), sums[v]);
            else
                for (int v = 0; v < width; v++)
                    sums[v] = FN(more)(value, FN(load_part)(vector + 8 * v, left - 8 * v), sums[v]);
        }
        for (int v = 0; v < width; v++)
            FN(store)(out + first + 8 * v, sums[v]);
    }
}

/* The panel Uᵀ: line k holds factor k of all entries. */
INLINE void FN(gather_columns)(const AlsRow *row, int64_t size, int64_t ld, AlsSpace *space)
{
    for (int64_t first = 0; first < size; first += 8)
        for (int64_t column = 0; column < row->d; column += 8) {
            VEC rows[8], scale = FN(load)(space->scale + column);
            for (int i = 0; i < 8; i++)
                rows[i] = first + i < row->n
                    ? FN(mul)(FN(mul)(scale, FN(splat)(space->root[first + i])),
                              FN(load_part)(row->vectors + row->codes[first + i] * row->d + column, row->d - column))
                    : FN(splat)(0.0f);
            FN(store_transposed)(rows, space->panel + column * ld + first, ld);
        }
}

/* The panel U: line i holds entry first + i. */
INLINE void FN(gather_rows)(const AlsRow *row, int64_t first, int64_t held, int64_t ld, AlsSpace *space)
{
    for (int64_t i = 0; i < held; i++) {
        const float *vector = row->vectors + row->codes[first + i] * row->d;
        VEC root = FN(splat)(space->root[first + i]);
        for (int64_t column = 0; column < row->d; column += 8)
            FN(store)(space->panel + i * ld + column,
                      FN(mul)(FN(mul)(FN(load)(space->scale + column), root),
                              FN(load_part)(vector + column, row->d - column)));
    }
}

OUTER void FN(solve_short)(const AlsRow *row, int64_t size, AlsSpace *space)
{
    int64_t wide = als_padded(row->d), ld = als_stride(size);
    FN(gather_columns)(row, size, ld, space);
    als_identity(space->system, ld, size);
    FN(add_gram)(space->panel, ld, wide, size, space->system, ld);
    FN(factorise)(space->system, ld, size, space->inverse);
    for (int64_t i = 0; i < size; i++)
        space->right[i] = i < row->n ? (row->weights[i] + row->offset) / space->root[i] : 0.0f;
    FN(substitute)(space->system, ld, size, space->inverse, space->right);
    for (int64_t i = 0; i < row->n; i++)
        space->root[i] *= space->right[i];
    FN(combine)(row, space->root, space->right);
    for (int64_t column = 0; column < row->d; column++)
        row->out[column] = space->right[column] * space->scale[column] * space->scale[column];
}

OUTER void FN(solve_long)(const AlsRow *row, AlsSpace *space)
{
    int64_t wide = als_padded(row->d), ld = als_stride(wide);
    als_identity(space->system, ld, wide);
    for (int64_t first = 0; first < row->n; first += ALS_PANEL) {
        int64_t held = row->n - first < ALS_PANEL ? row->n - first : ALS_PANEL;
        FN(gather_rows)(row, first, held, ld, space);
        FN(add_gram)(space->panel, ld, held, wide, space->system, ld);
    }
    for (int64_t i = 0; i < row->n; i++)
        space->root[i] = row->weights[i] + row->offset;
    FN(combine)(row, space->root, space->right);
    for (int64_t column = 0; column < wide; column++)
        space->right[column] *= space->scale[column];
    FN(factorise)(space->system, ld, wide, space->inverse);
    FN(substitute)(space->system, ld, wide, space->inverse, space->right);
    for (int64_t column = 0; column < row->d; column++)
        row->out[column] = space->right[column] * space->scale[column];
}

OUTER void FN(solve_row)(const AlsRow *row, AlsSpace *space)
{
    int64_t size = als_padded(row->n), wide = als_padded(row->d);
    for (int64_t column = 0; column < row->d; column++)
        space->scale[column] = 1.0f / sqrtf(row->spectrum[column] + row->ridge);
    for (int64_t column = row->d; column < wide; column++)
        space->scale[column] = 0.0f;
    for (int64_t i = 0; i < row->n; i++)
        space->root[i] = sqrtf(row->weights[i] > ALS_LEAST ? row->weights[i] : ALS_LEAST);
    if (size < wide)
        FN(solve_short)(row, size, space);
    else
        FN(solve_long)(row, space);
}
