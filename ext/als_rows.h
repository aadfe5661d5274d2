/* The exact solution of one row, for whichever variant als_vectors.h is set to.
 *
 * With U the row's vectors, scaled to √w_i v_i D^(−1/2), and r_i = t_i / √w_i:
 *   as many unknowns as factors:  x = D^(−1/2) (I + UᵀU)⁻¹ Uᵀ r
 *   as many unknowns as entries:  x = D^(−1/2) Uᵀ (I + U Uᵀ)⁻¹ r
 * Both systems have no eigenvalue below 1.
 */

/* out = Σ_i values[i] · vectors[codes[i]]: 64 columns at a time stay in registers, then 8. */
INLINE void FN(combine)(const AlsRow *row, const float *values, float *out)
{
    int64_t d = row->d, first = 0;
    for (; first + 64 <= d; first += 64) {
        VEC sums[8];
        for (int v = 0; v < 8; v++)
            sums[v] = FN(splat)(0.0f);
        for (int64_t i = 0; i < row->n; i++) {
            const float *vector = row->vectors + row->codes[i] * d + first;
            VEC value = FN(splat)(values[i]);
            for (int v = 0; v < 8; v++)
                sums[v] = FN(more)(value, FN(load)(vector + 8 * v), sums[v]);
        }
        for (int v = 0; v < 8; v++)
            FN(store)(out + first + 8 * v, sums[v]);
    }
    for (; first < d; first += 8) {
        VEC sum = FN(splat)(0.0f);
        for (int64_t i = 0; i < row->n; i++)
            sum = FN(more)(FN(splat)(values[i]), FN(load_part)(row->vectors + row->codes[i] * d + first, d - first), sum);
        FN(store)(out + first, sum);
    }
}

/* The panel Uᵀ: line k holds factor k of all entries. `root` is 0 where the row is padded. */
INLINE void FN(gather_columns)(const AlsRow *row, int64_t size, int64_t ld, AlsSpace *space)
{
    for (int64_t first = 0; first < size; first += 8) {
        const float *vectors[8], *later[8];
        VEC roots[8];
        for (int i = 0; i < 8; i++) {
            vectors[i] = row->vectors + row->codes[first + i < row->n ? first + i : first] * row->d;
            later[i] = row->vectors + row->codes[als_later(row, first + i, 8)] * row->d;
            roots[i] = FN(splat)(space->root[first + i]);
        }
        for (int64_t column = 0; column < row->d; column += 8) {
            VEC rows[8], scale = FN(load)(space->scale + column);
            int64_t left = row->d - column;
            if (column % 16 == 0)
                for (int i = 0; i < 8; i++)
                    als_fetch(later[i] + column, 1);
            if (left >= 8)
                for (int i = 0; i < 8; i++)
                    rows[i] = FN(load)(vectors[i] + column);
            else
                for (int i = 0; i < 8; i++)
                    rows[i] = FN(load_part)(vectors[i] + column, left);
            for (int i = 0; i < 8; i++)
                rows[i] = FN(mul)(FN(mul)(scale, roots[i]), rows[i]);
            FN(store_transposed)(rows, space->panel + column * ld + first, ld);
        }
    }
}

/* The panel U: line i holds `width` factors of entry first + i. */
INLINE void FN(gather_rows)(
    const AlsRow *row, int64_t first, int64_t held, int64_t width, int64_t ld, AlsSpace *space)
{
    int64_t d = row->d, whole = width & ~(int64_t)7;
    for (int64_t i = 0; i < held; i++) {
        const float *vector = row->vectors + row->codes[first + i] * d;
        float *line = space->panel + i * ld;
        VEC root = FN(splat)(space->root[first + i]);
        als_fetch(row->vectors + row->codes[als_later(row, first + i, ALS_AHEAD)] * d, width);
        for (int64_t column = 0; column < whole; column += 8)
            FN(store)(line + column,
                      FN(mul)(FN(mul)(FN(load)(space->scale + column), root), FN(load)(vector + column)));
        if (whole < width)
            FN(store)(line + whole, FN(mul)(FN(mul)(FN(load)(space->scale + whole), root),
                                            FN(load_part)(vector + whole, width - whole)));
    }
}

/* out += Σ_i values[i] · line i of the panel, by columns of 64, then 8. */
INLINE void FN(add_lines)(const float *panel, int64_t ld, const float *values, int64_t n, int64_t size, float *out)
{
    int64_t first = 0;
    for (; first + 64 <= size; first += 64) {
        VEC sums[8];
        for (int v = 0; v < 8; v++)
            sums[v] = FN(load)(out + first + 8 * v);
        for (int64_t i = 0; i < n; i++) {
            VEC value = FN(splat)(values[i]);
            for (int v = 0; v < 8; v++)
                sums[v] = FN(more)(value, FN(load)(panel + i * ld + first + 8 * v), sums[v]);
        }
        for (int v = 0; v < 8; v++)
            FN(store)(out + first + 8 * v, sums[v]);
    }
    for (; first < size; first += 8) {
        VEC sum = FN(load)(out + first);
        for (int64_t i = 0; i < n; i++)
            sum = FN(more)(FN(splat)(values[i]), FN(load)(panel + i * ld + first), sum);
        FN(store)(out + first, sum);
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
        space->right[i] = i < row->n ? space->targets[i] / space->root[i] : 0.0f;
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
    memset(space->right, 0, wide * sizeof(float));
    for (int64_t first = 0; first < row->n; first += ALS_PANEL) {
        int64_t held = row->n - first < ALS_PANEL ? row->n - first : ALS_PANEL;
        FN(gather_rows)(row, first, held, row->d, ld, space);
        FN(add_gram)(space->panel, ld, held, wide, space->system, ld);
        for (int64_t i = first; i < first + held; i++)
            space->root[i] = space->targets[i] / space->root[i];
        FN(add_lines)(space->panel, ld, space->root + first, held, wide, space->right);
    }
    FN(factorise)(space->system, ld, wide, space->inverse);
    FN(substitute)(space->system, ld, wide, space->inverse, space->right);
    for (int64_t column = 0; column < row->d; column++)
        row->out[column] = space->right[column] * space->scale[column];
}
