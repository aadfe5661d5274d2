/* Included by scan_body.h: vectors of items and users, quantised, with what quantisation loses. */

/* ---- sums */

/* The bits of `fixed_dot`: a column that is missing adds +0, which changes no lane (none is ever -0). */
static inline float NAME(dot)(const float *a, const float *b, int64_t d)
{
    int64_t column = 0;
    LANES_TYPE sums = LANES_ZERO();
    for (; column + LANES <= d; column += LANES)
        sums = LANES_ADD(sums, a + column, b + column);
    if (column < d) {
        float left[LANES] = {0}, right[LANES] = {0};
        memcpy(left, a + column, (d - column) * sizeof(float));
        memcpy(right, b + column, (d - column) * sizeof(float));
        sums = LANES_ADD(sums, left, right);
    }
    return LANES_TREE(sums);
}

/* An upper bound of the Euclidean norm; what rounds off and underflows is added. */
static float NAME(norm)(const float *values, int64_t n)
{
    float squares = NAME(dot)(values, values, n);
    return sqrtf(squares) * (1.0f + 1.2e-7f * (float)(n + 32)) + NOTHING;
}

static float NAME(largest)(const float *values, int64_t n)
{
    float most[LANES] = {0}, value = 0;
    int64_t column = 0;
    for (; column + LANES <= n; column += LANES)
        for (int64_t lane = 0; lane < LANES; lane++) {
            float size = fabsf(values[column + lane]);
            most[lane] = size > most[lane] ? size : most[lane];
        }
    for (int64_t lane = 0; lane < LANES; lane++)
        value = most[lane] > value ? most[lane] : value;
    for (; column < n; column++)
        value = fabsf(values[column]) > value ? fabsf(values[column]) : value;
    return value;
}

/* values = scale * integers + errors; returns the norm of the integers. */
static float NAME(quantise)(const float *values, int64_t n, float scale, int32_t *integers, float *errors)
{
    float inverse = 1.0f / scale;
    for (int64_t column = 0; column < n; column++) {
        float value = values[column] * inverse;
        int32_t nearest = (int32_t)(value + (value < 0 ? -0.5f : 0.5f));
        integers[column] = nearest;
        errors[column] = values[column] - scale * (float)nearest;
    }
    double squares = 0;
    int64_t whole = 0;
    for (int64_t column = 0; column < n; column++)
        whole += (int64_t)integers[column] * integers[column];
    squares = (double)whole;
    return at_least(sqrt(squares));
}

/* scaled(rows) @ basis, `n` <= GROUP rows at a time, into rotated[n][d]; `scaled` holds GROUP * d floats. */
static void NAME(rotate)(
    const float *const *rows, const double *scales, int64_t n, const float *basis, int64_t d, float *scaled, float *rotated)
{
    float tile[GROUP * PANEL], *out = basis ? scaled : rotated;
    for (int64_t row = 0; row < n; row++) {
        const float *from = rows[row];
        for (int64_t column = 0; column < d; column++)
            out[row * d + column] = (float)(from[column] * scales[row]);
    }
    if (!basis)
        return;
    memset(scaled + n * d, 0, (GROUP - n) * d * sizeof(float));
    for (int64_t first = 0; first < d; first += PANEL) {
        int64_t width = d - first < PANEL ? d - first : PANEL;
        MULTIPLY(scaled, basis + first * d, d, tile);
        for (int64_t row = 0; row < n; row++)
            memcpy(rotated + row * d + first, tile + row * PANEL, width * sizeof(float));
    }
}

/* ---- items */

/* One panel of `n` <= WIDE rotated vectors. */
static void NAME(pack_panel)(
    const Index *index, const float *const *vectors, const float *norms, int64_t n, int8_t *heads, int8_t *tails,
    WORD *starts, Extremes *found, int32_t *integers, float *errors)
{
    int64_t head = index->head, tail = index->tail, steps = (head + STEP - 1) / STEP;
    float room = ITEM_LIMIT - 0.5f * sqrtf((float)head) - 0.01f;
    Extremes e = {TINY, 0, TINY, 0, 0, 0, 0, 0, 0, 0};
    int64_t lead = index->d < LEAD ? index->d : LEAD;
    for (int64_t item = 0; item < n; item++) {
        const float *v = vectors[item];
        float in_head = NAME(norm)(v, head), in_tail = NAME(norm)(v + head, tail), whole = NAME(norm)(v, head + tail);
        e.head = fmaxf(e.head, in_head);
        e.tail = fmaxf(e.tail, in_tail);
        e.whole = fmaxf(e.whole, norms[item] + whole);
        e.lead = fmaxf(e.lead, NAME(norm)(v, lead));
        e.rest = fmaxf(e.rest, NAME(norm)(v + lead, index->d - lead));
        e.scale = fmaxf(e.scale, fmaxf(NAME(largest)(v, head) / 126.9f, in_head / room));
        e.tail_scale = fmaxf(e.tail_scale, NAME(largest)(v + head, tail) / 126.9f);
    }
    e.inverse = 1.0f / e.scale;
    memset(heads, 0, steps * STEP * WIDE);
    for (int64_t item = 0; item < n; item++) {
        int32_t sum = 0;
        NAME(quantise)(vectors[item], head, e.scale, integers, errors);
        e.head_error = fmaxf(e.head_error, NAME(norm)(errors, head));
        int8_t bytes[MOST_HEAD];
        memset(bytes + (steps - 1) * STEP, 0, STEP);
        for (int64_t column = 0; column < head; column++) {
            bytes[column] = (int8_t)integers[column];
            sum += integers[column];
        }
        for (int64_t step = 0; step < steps; step++)
            memcpy(heads + (step * WIDE + item) * STEP, bytes + step * STEP, STEP);
        starts[item] = (WORD)(-USER_ZERO * sum);
        NAME(quantise)(vectors[item] + head, tail, e.tail_scale, integers, errors);
        e.tail_error = fmaxf(e.tail_error, NAME(norm)(errors, tail));
        for (int64_t column = 0; column < tail; column++)
            tails[item * index->tail_width + column] = (int8_t)integers[column];
    }
    *found = e;
}

/* Prepare one block: places first … first + n of `rows` (which come by falling norm) are put in order by what
 * the leading columns leave. */
static int NAME(pack_block)(
    const Index *index, const float *items, const double *norms, int32_t *rows, int64_t n, int8_t *heads, int8_t *tails,
    WORD *starts, Extremes *panels, Extremes *block)
{
    int64_t d = index->d, lead = d < LEAD ? d : LEAD, steps = (index->head + STEP - 1) / STEP;
    float *rotated = malloc((BLOCK_ITEMS + GROUP + 1) * d * sizeof(float)), *scaled = rotated + BLOCK_ITEMS * d;
    float *errors = scaled + GROUP * d;
    int32_t *integers = malloc(d * sizeof(int32_t)), order[BLOCK_ITEMS];
    uint64_t *keys = malloc(BLOCK_ITEMS * sizeof(uint64_t));
    int failed = !rotated || !integers || !keys;
    if (!failed) {
        for (int64_t first = 0; first < n; first += GROUP) {
            const float *sources[GROUP];
            double scales[GROUP];
            int64_t count = n - first < GROUP ? n - first : GROUP;
            for (int64_t item = 0; item < count; item++)
                sources[item] = items + (int64_t)rows[first + item] * d, scales[item] = index->item_scale;
            NAME(rotate)(sources, scales, count, index->basis, d, scaled, rotated + first * d);
        }
        for (int64_t item = 0; item < n; item++)
            keys[item] = key_of(NAME(norm)(rotated + item * d + lead, d - lead), (int32_t)item);
        sort_keys(keys, n);
        for (int64_t place = 0; place < n; place++)
            order[place] = rows[code_of(keys[place])];
        memcpy(rows, order, n * sizeof(int32_t));
        memset(block, 0, sizeof *block);
        for (int64_t first = 0, panel = 0; first < n; first += WIDE, panel++) {
            const float *vectors[WIDE];
            float sizes[WIDE];
            int64_t count = n - first < WIDE ? n - first : WIDE;
            for (int64_t item = 0; item < count; item++) {
                vectors[item] = rotated + (int64_t)code_of(keys[first + item]) * d;
                sizes[item] = at_least(norms[rows[first + item]] * index->item_scale);
            }
            Extremes *e = panels + panel;
            NAME(pack_panel)(
                index, vectors, sizes, count, heads + panel * steps * STEP * WIDE, tails + first * index->tail_width,
                starts + first, e, integers, errors);
            block->head = fmaxf(block->head, e->head);
            block->tail = fmaxf(block->tail, e->tail);
            block->head_error = fmaxf(block->head_error, e->head_error);
            block->lead = fmaxf(block->lead, e->lead);
            block->rest = fmaxf(block->rest, e->rest);
            block->whole = fmaxf(block->whole, e->whole);
        }
    }
    free(rotated);
    free(integers);
    free(keys);
    return failed;
}

/* ---- users */

/* Quantise one rotated user: `bytes` as a tile wants them, `tail` in 16 bits. */
static void NAME(pack_user)(
    const Index *index, const float *u, float size, int64_t place, Users *users, unsigned char *bytes, int16_t *tail_out,
    int32_t *integers, float *errors)
{
    int64_t head = index->head, tail = index->tail, steps = (head + STEP - 1) / STEP;
    int64_t lead = index->d < LEAD ? index->d : LEAD;
    float in_head = NAME(norm)(u, head), in_tail = NAME(norm)(u + head, tail);
    float scale = fmaxf(NAME(largest)(u, head) / (USER_ZERO - 1.1f), in_head / (USER_LIMIT - 0.5f * sqrtf((float)head) - 0.01f));
    float tail_scale = fmaxf(fmaxf(NAME(largest)(u + head, tail) / 4094.0f, in_tail / 15000.0f), TINY);
    scale = fmaxf(scale, TINY);
    users->scale[place] = scale;
    users->inverse[place] = 1.0f / scale;
    users->quantised[place] = NAME(quantise)(u, head, scale, integers, errors) * scale * 1.00001f;
    users->head_error[place] = NAME(norm)(errors, head);
    users->tail[place] = in_tail;
    users->lead[place] = NAME(norm)(u, lead);
    users->rest[place] = NAME(norm)(u + lead, index->d - lead);
    users->whole[place] = (float)index->rate * (size + NAME(norm)(u, head + tail));
    for (int64_t step = 0; step < steps; step++)
        for (int64_t byte = 0; byte < 4; byte++) {
            int64_t column = step * STEP + byte % STEP;
            bytes[step * 4 + byte] = (unsigned char)(USER_ZERO + (column < head ? integers[column] : 0));
        }
    users->tail_scale[place] = tail_scale;
    users->tail_quantised[place] = NAME(quantise)(u + head, tail, tail_scale, integers, errors) * tail_scale * 1.00001f;
    users->tail_error[place] = NAME(norm)(errors, tail);
    for (int64_t column = 0; column < tail; column++)
        tail_out[column] = (int16_t)integers[column];
}
