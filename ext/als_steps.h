/* Updates of one row from where it stands, for whichever variant als_vectors.h is set to: conjugate gradients, and
 * blocks of factors in turn (iALS++, Rendle et al. 2021). Both work in the coordinates of als_rows.h, x = D^(−1/2) z,
 * in which the quadratic is |z|²/2 + |U z − r|²/2, so that conjugate gradients are preconditioned by D.
 */

INLINE float FN(dot)(const float *vector, const float *point, int64_t d)
{
    VEC sums[2] = {FN(splat)(0.0f), FN(splat)(0.0f)};
    int64_t column = 0;
    for (; column + 16 <= d; column += 16)
        for (int v = 0; v < 2; v++)
            sums[v] = FN(more)(FN(load)(vector + column + 8 * v), FN(load)(point + column + 8 * v), sums[v]);
    for (; column < d; column += 8)
        sums[0] = FN(more)(FN(load_part)(vector + column, d - column), FN(load)(point + column), sums[0]);
    return FN(sum)(FN(add)(sums[0], sums[1]));
}

/* out = Σ_i w_i (v_i·point) v_i, or Σ_i (t_i − w_i (v_i·point)) v_i; four entries at a time. */
INLINE void FN(pass)(const AlsRow *row, const float *point, const float *targets, float *out)
{
    int64_t d = row->d;
    memset(out, 0, als_padded(d) * sizeof(float));
    for (int64_t first = 0; first < row->n; first += 4) {
        const float *vectors[4];
        float values[4];
        for (int i = 0; i < 4; i++) {
            int64_t place = first + i < row->n ? first + i : row->n - 1;
            vectors[i] = row->vectors + row->codes[place] * d;
            als_fetch(row->vectors + row->codes[als_later(row, place, ALS_AHEAD)] * d, d);
            values[i] = row->weights[place] * FN(dot)(vectors[i], point, d);
            if (targets)
                values[i] = targets[place] - values[i];
            if (place != first + i)
                values[i] = 0.0f;
        }
        for (int64_t column = 0; column < d; column += 8) {
            VEC sum = FN(load)(out + column);
            for (int i = 0; i < 4; i++)
                sum = FN(more)(FN(splat)(values[i]), FN(load_part)(vectors[i] + column, d - column), sum);
            FN(store)(out + column, sum);
        }
    }
}

OUTER void FN(descend)(const AlsRow *row, int64_t steps, AlsSpace *space)
{
    int64_t d = row->d, wide = als_padded(d);
    float *z = space->panel, *left = z + wide, *way = left + wide, *point = way + wide, *image = point + wide, size, old;
    memset(point, 0, wide * sizeof(float));
    memset(z, 0, 3 * wide * sizeof(float));
    FN(pass)(row, space->begin, space->targets, image);
    for (int64_t k = 0; k < d; k++) {
        z[k] = space->begin[k] / space->scale[k];
        way[k] = left[k] = space->scale[k] * image[k] - z[k];
    }
    size = FN(dot)(left, left, wide);
    for (int64_t step = 0; step < steps && size > 0.0f; step++) {
        float length;
        for (int64_t k = 0; k < d; k++)
            point[k] = space->scale[k] * way[k];
        FN(pass)(row, point, NULL, image);
        for (int64_t k = 0; k < wide; k++)
            image[k] = way[k] + space->scale[k] * image[k];
        length = size / FN(dot)(way, image, wide);
        for (int64_t k = 0; k < wide; k++) {
            z[k] += length * way[k];
            left[k] -= length * image[k];
        }
        old = size;
        size = FN(dot)(left, left, wide);
        for (int64_t k = 0; k < wide; k++)
            way[k] = left[k] + size / old * way[k];
    }
    for (int64_t k = 0; k < d; k++)
        row->out[k] = space->scale[k] * z[k];
}

/* `root` becomes what is left of the targets: r_i − U_i z. */
OUTER void FN(update_blocks)(const AlsRow *row, int64_t block, AlsSpace *space)
{
    int64_t d = row->d;
    float *rest = space->rest;
    for (int64_t i = 0; i < row->n; i++) {
        float found = FN(dot)(row->vectors + row->codes[i] * d, space->begin, d);
        als_fetch(row->vectors + row->codes[als_later(row, i, ALS_AHEAD)] * d, d);
        rest[i] = space->targets[i] / space->root[i] - space->root[i] * found;
    }
    for (int64_t first = 0; first < d; first += block) {
        int64_t held = d - first < block ? d - first : block, wide = als_padded(held), ld = als_stride(wide);
        AlsRow part = *row;
        AlsSpace corner = *space;
        part.vectors += first;
        corner.scale += first;
        als_identity(space->system, ld, wide);
        memset(space->right, 0, wide * sizeof(float));
        for (int64_t start = 0; start < row->n; start += ALS_PANEL) {
            int64_t lines = row->n - start < ALS_PANEL ? row->n - start : ALS_PANEL;
            FN(gather_rows)(&part, start, lines, held, ld, &corner);
            FN(add_gram)(space->panel, ld, lines, wide, space->system, ld);
            FN(add_lines)(space->panel, ld, rest + start, lines, wide, space->right);
        }
        for (int64_t k = 0; k < held; k++)
            space->right[k] -= space->begin[first + k] / corner.scale[k];
        FN(factorise)(space->system, ld, wide, space->inverse);
        FN(substitute)(space->system, ld, wide, space->inverse, space->right);
        for (int64_t k = 0; k < held; k++) {
            space->right[k] *= corner.scale[k];
            row->out[first + k] = space->begin[first + k] + space->right[k];
        }
        for (int64_t i = 0; i < row->n; i++)
            rest[i] -= space->root[i] * FN(dot)(row->vectors + row->codes[i] * d + first, space->right, held);
    }
}

/* A row in the way that its length asks for. */
OUTER void FN(solve_row)(const AlsRow *row, AlsSpace *space)
{
    int64_t size = als_padded(row->n), wide = als_padded(row->d);
    for (int64_t column = 0; column < row->d; column++)
        space->scale[column] = 1.0f / sqrtf(row->spectrum[column] + row->ridge);
    for (int64_t column = row->d; column < row->d + ALS_SPARE; column++) /* blocks may end beyond the padded length */
        space->scale[column] = 0.0f;
    for (int64_t i = 0; i < row->n; i++)
        space->root[i] = sqrtf(row->weights[i] > ALS_LEAST ? row->weights[i] : ALS_LEAST);
    for (int64_t i = row->n; i < size; i++)
        space->root[i] = 0.0f;
    memset(space->mean, 0, 2 * wide * sizeof(float));
    if (row->mean)
        memcpy(space->mean, row->mean, row->d * sizeof(float));
    if (row->start)
        for (int64_t k = 0; k < row->d; k++)
            space->begin[k] = row->start[k] - space->mean[k];
    for (int64_t i = 0; i < row->n; i++) {
        space->targets[i] = row->weights[i] + row->offset;
        if (row->mean)
            space->targets[i] -= row->weights[i] * FN(dot)(row->vectors + row->codes[i] * row->d, space->mean, row->d);
    }
    if (row->start && row->n >= row->exact_below)
        row->block ? FN(update_blocks)(row, row->block, space) : FN(descend)(row, row->steps, space);
    else if (size < wide)
        FN(solve_short)(row, size, space);
    else
        FN(solve_long)(row, space);
    if (row->mean)
        for (int64_t k = 0; k < row->d; k++)
            row->out[k] += space->mean[k];
}
