/* The exact scan, once for each variant: included with NAME(x), WORD, STEP (columns a step) and the hooks of a tile defined.
 *
 * Scores are taken from a quantised head of the rotated vectors; what they lose is bounded by Cauchy-Schwarz. Nothing here
 * decides about a rank: only `fixed_dot` does, on the few candidates that the bounds leave.
 */

/* A byte of a user is the integer + USER_ZERO; USER_LIMIT and ITEM_LIMIT bound the norms of the integers. */
#if WORD_BITS == 16 /* |qu| <= 128 and |qv| <= 255.99, so |qu . qv| <= 32767: exact whatever wraps between */
#define USER_ZERO 64
#define USER_LIMIT 128.0f
#define ITEM_LIMIT 255.99f
#define SUM_LIMIT 32767.0f
#define LOWEST_SUM INT16_MIN
#define WORD int16_t
#else /* all 8 bits of both: 127 * 127 * MOST_HEAD is below 2^23, which a float holds exactly too */
#define USER_ZERO 128
#define USER_LIMIT 1e30f
#define ITEM_LIMIT 1e30f
#define SUM_LIMIT 8388607.0f
#define LOWEST_SUM INT32_MIN
#define WORD int32_t
#endif

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
    for (int64_t column = 0; column < n; column++) {
        float size = fabsf(values[column]);
        most[column % LANES] = size > most[column % LANES] ? size : most[column % LANES];
    }
    for (int64_t lane = 0; lane < LANES; lane++)
        value = most[lane] > value ? most[lane] : value;
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

/* scaled(rows) @ basis, `n` <= GROUP rows at a time, into rotated[n][d]; `packed` holds GROUP * d floats. */
static void NAME(rotate)(
    const float *const *rows, const double *scales, int64_t n, const float *basis, int64_t d, float *packed, float *rotated)
{
    float tile[GROUP * PANEL];
    if (!basis) {
        for (int64_t row = 0; row < n; row++)
            for (int64_t column = 0; column < d; column++)
                rotated[row * d + column] = (float)(rows[row][column] * scales[row]);
        return;
    }
    memset(packed, 0, GROUP * d * sizeof(float));
    for (int64_t row = 0; row < n; row++)
        for (int64_t column = 0; column < d; column++)
            packed[column * GROUP + row] = (float)(rows[row][column] * scales[row]);
    for (int64_t first = 0; first < d; first += PANEL) {
        int64_t width = d - first < PANEL ? d - first : PANEL;
        SCORE_PANEL(packed, basis + first * d, d, tile);
        for (int64_t row = 0; row < n; row++)
            memcpy(rotated + row * d + first, tile + row * PANEL, width * sizeof(float));
    }
}

/* ---- items */

typedef struct {
    float rest;
    int32_t place;
} NAME(Key);

static int NAME(by_rest)(const void *a, const void *b)
{
    const NAME(Key) *left = a, *right = b;
    if (left->rest != right->rest)
        return left->rest > right->rest ? -1 : 1;
    return left->place < right->place ? -1 : 1;
}

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
        for (int64_t column = 0; column < head; column++) {
            heads[(column / STEP * WIDE + item) * STEP + column % STEP] = (int8_t)integers[column];
            sum += integers[column];
        }
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
    float *rotated = malloc((BLOCK_ITEMS + GROUP + 1) * d * sizeof(float)), *packed = rotated + BLOCK_ITEMS * d;
    float *errors = packed + GROUP * d;
    int32_t *integers = malloc(d * sizeof(int32_t)), order[BLOCK_ITEMS];
    NAME(Key) *keys = malloc(BLOCK_ITEMS * sizeof *keys);
    int failed = !rotated || !integers || !keys;
    if (!failed) {
        for (int64_t first = 0; first < n; first += GROUP) {
            const float *sources[GROUP];
            double scales[GROUP];
            int64_t count = n - first < GROUP ? n - first : GROUP;
            for (int64_t item = 0; item < count; item++)
                sources[item] = items + (int64_t)rows[first + item] * d, scales[item] = index->item_scale;
            NAME(rotate)(sources, scales, count, index->basis, d, packed, rotated + first * d);
        }
        for (int64_t item = 0; item < n; item++) {
            keys[item].rest = NAME(norm)(rotated + item * d + lead, d - lead);
            keys[item].place = (int32_t)item;
        }
        qsort(keys, n, sizeof *keys, NAME(by_rest));
        for (int64_t place = 0; place < n; place++)
            order[place] = rows[keys[place].place];
        memcpy(rows, order, n * sizeof(int32_t));
        memset(block, 0, sizeof *block);
        for (int64_t first = 0, panel = 0; first < n; first += WIDE, panel++) {
            const float *vectors[WIDE];
            float sizes[WIDE];
            int64_t count = n - first < WIDE ? n - first : WIDE;
            for (int64_t item = 0; item < count; item++) {
                vectors[item] = rotated + (int64_t)keys[first + item].place * d;
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

/* ---- candidates */

typedef struct {
    User *users;
    Users sides, active; /* all, and those of a block */
    int64_t n_seeds;     /* panels */
    unsigned char *bytes;
    int64_t n, stride, *slots, *chosen;
    float *excess;
    int32_t *whole_bars, *keeps;
    WORD *bars;
    Queue queue;
} NAME(Chunk);

/* Keep the k best, whose last is the new threshold. */
static void NAME(compact)(User *user, float *threshold)
{
    Candidates *found = &user->found;
    if (found->size < found->k)
        return;
    user->worst = select_keys(found->keys, found->size, found->k);
    found->size = found->k;
    found->full = found->capacity;
    if (user->unit > 0)
        *threshold = at_most((double)score_of(user->worst) * user->unit);
}

/* Take the exact scores of the items that wait for it. */
static void NAME(flush)(const Index *index, NAME(Chunk) *chunk)
{
    for (int64_t place = 0; place < chunk->queue.n; place++) {
        int64_t slot = chunk->queue.slots[place];
        int32_t code = chunk->queue.codes[place];
        User *user = &chunk->users[slot];
        Candidates *found = &user->found;
        uint64_t key = key_of(NAME(dot)(user->factors, row_of(index, code), index->d), code);
        if (key <= user->worst)
            continue;
        found->keys[found->size++] = key;
        if (found->size >= found->full)
            NAME(compact)(user, &chunk->sides.threshold[slot]);
    }
    chunk->queue.n = 0;
}

static inline void NAME(enqueue)(const Index *index, NAME(Chunk) *chunk, int64_t slot, int32_t code, const float *row)
{
    for (int64_t byte = 0; byte < index->d * 4; byte += 64)
        FETCH_AHEAD((const char *)row + byte);
    chunk->queue.slots[chunk->queue.n] = slot;
    chunk->queue.codes[chunk->queue.n++] = code;
    if (chunk->queue.n == PENDING)
        NAME(flush)(index, chunk);
}

/* Score a short list of candidates one by one. */
static void NAME(list)(
    const Index *index, const Rules *rules, NAME(Chunk) *chunk, int64_t slot, const int32_t *codes, int64_t n)
{
    for (int64_t place = 0; place < n; place++)
        if (!(place && codes[place] == codes[place - 1]) && may_have(rules, chunk->users[slot].row, codes[place]))
            NAME(enqueue)(index, chunk, slot, codes[place], row_of(index, codes[place]));
    NAME(flush)(index, chunk);
    chunk->sides.threshold[slot] = INFINITY;
}

/* List what needs no scan: users with few allowed items, or everyone when few items are eligible. */
static void NAME(list_short_rows)(const Index *index, const Rules *rules, NAME(Chunk) *chunk, int64_t slot)
{
    const int64_t *ptr = rules->allowed_ptr;
    int64_t row = chunk->users[slot].row;
    if (ptr && (ptr[row + 1] - ptr[row]) * SHORT_ROW < index->n_items)
        NAME(list)(index, rules, chunk, slot, rules->allowed + ptr[row], ptr[row + 1] - ptr[row]);
    else if (rules->few)
        NAME(list)(index, rules, chunk, slot, rules->few, rules->n_few);
}

/* Bound on all that separates head + tail from the final score, for a user and any item of a panel. */
static inline float NAME(refined_error)(const Users *users, int64_t place, const Extremes *e)
{
    return users->head_error[place] * e->head + users->quantised[place] * e->head_error +
           users->tail_error[place] * e->tail + users->tail_quantised[place] * e->tail_error +
           users->whole[place] * e->whole + users->floor[place];
}

/* The same for the head alone. */
static inline float NAME(head_error)(const Users *users, int64_t place, const Extremes *e)
{
    return users->head_error[place] * e->head + users->quantised[place] * e->head_error +
           users->tail[place] * e->tail + users->whole[place] * e->whole + users->floor[place];
}

/* A bound on the final score of any item of a panel or block. */
static inline float NAME(reach)(const Users *users, int64_t place, const Extremes *e)
{
    return users->lead[place] * e->lead + users->rest[place] * e->rest + users->whole[place] * e->whole + users->floor[place];
}

/* The integer that the head of an item must exceed. */
static inline WORD NAME(bar)(float bar)
{
    bar = bar > 1 - SUM_LIMIT ? bar : 1 - SUM_LIMIT;
    bar = bar < SUM_LIMIT ? bar : SUM_LIMIT;
    return (WORD)((int32_t)bar - 2); /* at most floor(bar) - 1; written so that compilers vectorise the same in `narrow` */
}

/* Look closer at the items of a panel whose bits are set. */
static void NAME(look)(
    const Index *index, const Segment *segment, const Rules *rules, NAME(Chunk) *chunk, int64_t slot, int64_t panel,
    uint64_t bits, const WORD *sums)
{
    const Extremes *e = segment->panels + panel;
    const Users *users = &chunk->sides;
    const User *user = &chunk->users[slot];
    float scale = users->scale[slot] * e->scale, tail_scale = users->tail_scale[slot] * e->tail_scale;
    float error = NAME(refined_error)(users, slot, e);
    for (; bits; bits &= bits - 1) {
        int64_t item = LOWEST_BIT(bits), place = panel * WIDE + item;
        float score = scale * (float)sums[item];
        if (index->tail)
            score += tail_scale *
                     (float)TAIL_DOT(user->tail, segment->tails + place * index->tail_width, index->tail_width);
        if (score + error < users->threshold[slot])
            continue;
        int32_t code = (int32_t)(segment->rows[place] + segment->first_code);
        if (may_have(rules, user->row, code))
            NAME(enqueue)(index, chunk, slot, code, segment->items + segment->rows[place] * index->d);
    }
}

static void NAME(answer)(User *user, float *threshold, int32_t *items, float *scores, int64_t k)
{
    Candidates *found = &user->found;
    NAME(compact)(user, threshold);
    sort_keys(found->keys, found->size);
    for (int64_t place = 0; place < k; place++) {
        int here = place < found->size;
        items[place] = here ? code_of(found->keys[place]) : -1;
        scores[place] = here ? score_of(found->keys[place]) : -INFINITY;
    }
}

/* ---- tiles */

/* Whole steps of `n` users with a panel: which sums exceed their bars; the sums are stored where any does. */
#define DEFINE_TILE(N)                                                                                                   \
    NOINLINE static void NAME(tile##N)(                                                                                  \
        const unsigned char *const *users, const int8_t *panel, const WORD *starts, int64_t steps, const WORD *bars,     \
        uint64_t *masks, WORD *out)                                                                                      \
    {                                                                                                                    \
        SUMS sums[N][VECTORS];                                                                                           \
        _Pragma("GCC unroll 8") for (int v = 0; v < VECTORS; v++)                                                        \
        {                                                                                                                \
            SUMS start = LOAD_STARTS(starts, v);                                                                         \
            _Pragma("GCC unroll 8") for (int u = 0; u < N; u++) sums[u][v] = start;                                      \
        }                                                                                                                \
        _Pragma("GCC unroll 2") for (int64_t step = 0; step < steps; step++)                                             \
        {                                                                                                                \
            VALUE values[N];                                                                                             \
            _Pragma("GCC unroll 8") for (int u = 0; u < N; u++) values[u] = BROADCAST(users[u] + 4 * step);              \
            _Pragma("GCC unroll 8") for (int v = 0; v < VECTORS; v++)                                                    \
            {                                                                                                            \
                ITEMS items = LOAD(panel + step * WIDE * STEP, v);                                                       \
                _Pragma("GCC unroll 8") for (int u = 0; u < N; u++) sums[u][v] = DOT(sums[u][v], values[u], items);      \
            }                                                                                                            \
        }                                                                                                                \
        _Pragma("GCC unroll 8") for (int u = 0; u < N; u++)                                                              \
        {                                                                                                                \
            masks[u] = ABOVE(sums[u], bars[u]);                                                                          \
            if (masks[u])                                                                                                \
                _Pragma("GCC unroll 8") for (int v = 0; v < VECTORS; v++) STORE(out + u * WIDE, v, sums[u][v]);          \
        }                                                                                                                \
    }
DEFINE_TILE(1)
DEFINE_TILE(2)
#undef DEFINE_TILE
#define TILE 2

static inline void NAME(tile)(
    int64_t n, const unsigned char *const *users, const int8_t *panel, const WORD *starts, int64_t steps,
    const WORD *bars, uint64_t *masks, WORD *out)
{
    if (n == 2)
        NAME(tile2)(users, panel, starts, steps, bars, masks, out);
    else
        NAME(tile1)(users, panel, starts, steps, bars, masks, out);
}

static inline uint64_t NAME(valid)(const Segment *segment, int64_t panel)
{
    int64_t left = segment->n - panel * WIDE;
    return left >= WIDE ? ~(uint64_t)0 : ((uint64_t)1 << left) - 1;
}

/* ---- the scan */

/* The items of a panel whose stored sums exceed a bar. */
static inline uint64_t NAME(stored_above)(const WORD *stored, WORD bar)
{
    SUMS sums[VECTORS];
    for (int v = 0; v < VECTORS; v++)
        memcpy(&sums[v], stored + v * (WIDE / VECTORS), sizeof(SUMS));
    return ABOVE(sums, bar);
}

/* A value that at least `wanted` of n values reach (n a multiple of WIDE), and few more, by bisection: no branch depends
 * on the values. */
static float NAME(reached_by)(const float *values, int64_t n, int64_t wanted)
{
    float lows[WIDE], highs[WIDE];
    memcpy(lows, values, sizeof lows);
    memcpy(highs, values, sizeof highs);
    for (int64_t first = WIDE; first < n; first += WIDE)
        for (int64_t at = 0; at < WIDE; at++) {
            float value = values[first + at];
            lows[at] = value < lows[at] ? value : lows[at];
            highs[at] = value > highs[at] ? value : highs[at];
        }
    float low = lows[0], high = highs[0];
    for (int64_t at = 1; at < WIDE; at++) {
        low = lows[at] < low ? lows[at] : low;
        high = highs[at] > high ? highs[at] : high;
    }
    for (int turn = 0; turn < 10; turn++) {
        float middle = low + (high - low) * 0.5f;
        int32_t count = 0;
        for (int64_t place = 0; place < n; place++)
            count += values[place] >= middle;
        if (count >= wanted)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* About the `wanted`-th largest head among n panels: the items are dealt to groups, and the best of each group compete. */
static float NAME(seed_cut)(const Segment *segment, int64_t n, const WORD *sums, int64_t wanted)
{
    float most[MOST_GROUPS * WIDE];
    int64_t groups = 1;
    while (groups < MOST_GROUPS && groups * WIDE < 2 * wanted)
        groups *= 2;
    if (groups * 2 > n || wanted * 2 > groups * WIDE)
        return INFINITY;
    for (int64_t place = 0; place < groups * WIDE; place++)
        most[place] = -INFINITY;
    for (int64_t panel = 0; panel < n; panel++) {
        const WORD *line = sums + panel * WIDE;
        float *group = most + panel % groups * WIDE, scale = segment->panels[panel].scale;
        for (int64_t item = 0; item < WIDE; item++) {
            float estimate = scale * (float)line[item];
            group[item] = estimate > group[item] ? estimate : group[item];
        }
    }
    return NAME(reached_by)(most, groups * WIDE, wanted);
}

/* A first threshold: look at those items of the first panels whose heads are largest, then at what may still pass. */
static void NAME(seed)(const Index *index, const Rules *rules, NAME(Chunk) *chunk, int64_t slot, const WORD *sums)
{
    const Segment *segment = index->segments;
    Users *sides = &chunk->sides;
    User *user = &chunk->users[slot];
    int64_t n = (segment->n + WIDE - 1) / WIDE;
    int64_t wanted = user->found.k + rules->blocked_ptr[user->row + 1] - rules->blocked_ptr[user->row];
    uint64_t done[SEED] = {0};
    n = n < chunk->n_seeds ? n : chunk->n_seeds;
    float cut = NAME(seed_cut)(segment, n, sums, wanted);
    if (cut < INFINITY) {
        for (int64_t panel = 0; panel < n; panel++) {
            WORD bar = NAME(bar)(cut * segment->panels[panel].inverse);
            done[panel] = NAME(stored_above)(sums + panel * WIDE, bar) & NAME(valid)(segment, panel);
            if (done[panel])
                NAME(look)(index, segment, rules, chunk, slot, panel, done[panel], sums + panel * WIDE);
        }
        NAME(flush)(index, chunk);
        NAME(compact)(user, &sides->threshold[slot]);
    }
    for (int64_t panel = 0; panel < n; panel++) {
        const Extremes *e = segment->panels + panel;
        float needed = sides->threshold[slot] - NAME(head_error)(sides, slot, e);
        if (sides->threshold[slot] > NAME(reach)(sides, slot, e))
            continue;
        WORD bar = NAME(bar)(needed * (sides->inverse[slot] * e->inverse));
        uint64_t bits = NAME(stored_above)(sums + panel * WIDE, bar) & ~done[panel] & NAME(valid)(segment, panel);
        if (bits)
            NAME(look)(index, segment, rules, chunk, slot, panel, bits, sums + panel * WIDE);
    }
}

/* Copy what the bounds need of the users that may find something in a block, side by side; behind them, up to a
 * whole line of users, such that find nothing. */
static int64_t NAME(gather)(NAME(Chunk) *chunk, const Extremes *e)
{
    const Users *all = &chunk->sides;
    Users *some = &chunk->active;
    int64_t kept = 0;
    for (int64_t slot = 0; slot < chunk->n; slot++)
        chunk->excess[slot] = all->threshold[slot] - NAME(reach)(all, slot, e);
    for (int64_t slot = 0; slot < chunk->n; slot++) {
        if (chunk->excess[slot] > 0)
            continue;
        some->threshold[kept] = all->threshold[slot];
        some->head_error[kept] = all->head_error[slot];
        some->quantised[kept] = all->quantised[slot];
        some->tail[kept] = all->tail[slot];
        some->whole[kept] = all->whole[slot];
        some->floor[kept] = all->floor[slot];
        some->lead[kept] = all->lead[slot];
        some->rest[kept] = all->rest[slot];
        some->inverse[kept] = all->inverse[slot];
        chunk->slots[kept++] = slot;
    }
    for (int64_t at = kept; at < WHOLE_LINES(kept); at++) {
        some->threshold[at] = FLT_MAX;
        some->head_error[at] = some->quantised[at] = some->tail[at] = some->whole[at] = some->floor[at] = 0;
        some->lead[at] = some->rest[at] = some->inverse[at] = 0;
    }
    return kept;
}

/* Which of the first n gathered users may find something in a panel, and the bars for their sums. */
static int64_t NAME(narrow)(NAME(Chunk) *chunk, int64_t n, const Extremes *e)
{
    const Users *users = &chunk->active;
    const float *RESTRICT threshold = users->threshold, *RESTRICT head_error = users->head_error,
                *RESTRICT quantised = users->quantised, *RESTRICT tail = users->tail, *RESTRICT whole = users->whole,
                *RESTRICT floors = users->floor, *RESTRICT inverse = users->inverse, *RESTRICT lead = users->lead,
                *RESTRICT rest = users->rest;
    int32_t *RESTRICT bars = chunk->whole_bars, *RESTRICT keeps = chunk->keeps;
    const Extremes x = *e;
    int64_t kept = 0;
    n = WHOLE_LINES(n);
    for (int64_t at = 0; at < n; at++) {
        float least = threshold[at] - (head_error[at] * x.head + quantised[at] * x.head_error + tail[at] * x.tail +
                                       whole[at] * x.whole + floors[at]);
        float excess = threshold[at] - (lead[at] * x.lead + rest[at] * x.rest + whole[at] * x.whole + floors[at]);
        keeps[at] = !(excess > 0);
        float bar = least * (inverse[at] * x.inverse);
        bar = bar > 1 - SUM_LIMIT ? bar : 1 - SUM_LIMIT;
        bar = bar < SUM_LIMIT ? bar : SUM_LIMIT;
        bars[at] = (int32_t)bar - 2;
    }
    const int64_t *RESTRICT slots = chunk->slots;
    int64_t *RESTRICT chosen = chunk->chosen;
    WORD *RESTRICT kept_bars = chunk->bars;
    for (int64_t first = 0; first < n; first += 4) {
        int32_t any = keeps[first] | keeps[first + 1] | keeps[first + 2] | keeps[first + 3];
        for (int64_t at = first; any && at < first + 4; at++) {
            chosen[kept] = slots[at];
            kept_bars[kept] = (WORD)bars[at];
            kept += keeps[at];
        }
    }
    return kept;
}

static void NAME(scan_panel)(
    const Index *index, const Segment *segment, const Rules *rules, NAME(Chunk) *chunk, int64_t panel, int64_t n)
{
    int64_t steps = (index->head + STEP - 1) / STEP;
    const int8_t *heads = segment->heads + panel * steps * STEP * WIDE;
    uint64_t valid = NAME(valid)(segment, panel), masks[TILE];
    WORD sums[TILE * WIDE];
    for (int64_t first = 0; first < n; first += TILE) {
        const unsigned char *users[TILE];
        int64_t count = n - first < TILE ? n - first : TILE;
        for (int64_t user = 0; user < count; user++)
            users[user] = chunk->bytes + chunk->chosen[first + user] * chunk->stride;
        NAME(tile)(count, users, heads, (const WORD *)segment->starts + panel * WIDE, steps, chunk->bars + first, masks, sums);
        for (int64_t user = 0; user < count; user++)
            if (masks[user] & valid) {
                int64_t slot = chunk->chosen[first + user];
                NAME(look)(
                    index, segment, rules, chunk, slot, panel, masks[user] & valid,
                    sums + user * WIDE);
            }
    }
}

static void NAME(scan)(const Index *index, const Rules *rules, NAME(Chunk) *chunk, WORD *seeds)
{
    const Segment *segment = index->segments;
    int64_t steps = (index->head + STEP - 1) / STEP, n_panels = (segment->n + WIDE - 1) / WIDE;
    WORD lowest[TILE] = {LOWEST_SUM, LOWEST_SUM};
    uint64_t masks[TILE];
    n_panels = n_panels < chunk->n_seeds ? n_panels : chunk->n_seeds;
    for (int64_t first = 0; first < chunk->n; first += TILE) {
        const unsigned char *users[TILE];
        WORD sums[TILE * WIDE];
        int64_t count = chunk->n - first < TILE ? chunk->n - first : TILE;
        for (int64_t user = 0; user < count; user++)
            users[user] = chunk->bytes + (first + user) * chunk->stride;
        for (int64_t panel = 0; panel < n_panels; panel++) {
            NAME(tile)(
                count, users, segment->heads + panel * steps * STEP * WIDE, (const WORD *)segment->starts + panel * WIDE, steps, lowest,
                masks, sums);
            for (int64_t user = 0; user < count; user++)
                memcpy(seeds + user * SEED * WIDE + panel * WIDE, sums + user * WIDE, WIDE * sizeof(WORD));
        }
        for (int64_t user = 0; user < count; user++)
            if (chunk->sides.threshold[first + user] < INFINITY)
                NAME(seed)(index, rules, chunk, first + user, seeds + user * SEED * WIDE);
    }
    for (; segment < index->segments + index->n_segments; segment++) {
        n_panels = (segment->n + WIDE - 1) / WIDE;
        for (int64_t first = segment == index->segments ? chunk->n_seeds : 0; first < n_panels; first += BLOCK) {
            int64_t n = NAME(gather)(chunk, segment->blocks + first / BLOCK);
            int64_t last = first + BLOCK < n_panels ? first + BLOCK : n_panels;
            for (int64_t panel = first; n && panel < last; panel++)
                NAME(scan_panel)(index, segment, rules, chunk, panel, NAME(narrow)(chunk, n, segment->panels + panel));
        }
    }
}

static void NAME(lay_out)(Users *users, float *room, int64_t n)
{
    *users = (Users){room, room + n, room + 2 * n, room + 3 * n, room + 4 * n, room + 5 * n, room + 6 * n, room + 7 * n,
                     room + 8 * n, room + 9 * n, room + 10 * n, room + 11 * n, room + 12 * n};
}

/* Fill the rows start … stop of the output; 1 if there is no memory. */
static int NAME(scan_users)(
    const Index *index, const Rules *rules, const float *users, const double *norms, int64_t start, int64_t stop, int64_t k,
    int32_t *items, float *scores)
{
    int64_t n = stop - start, d = index->d, steps = (index->head + STEP - 1) / STEP;
    int64_t wanted = k < index->n_items ? k : index->n_items, capacity = 2 * wanted + 64;
    NAME(Chunk) chunk = {.n = n, .stride = steps * 4, .n_seeds = SEED};
    if (wanted <= SHORT_LIST && index->n_items < MANY_ITEMS)
        chunk.n_seeds = SMALL_SEED;
    int64_t line = WHOLE_LINES(n);
    float *sides = malloc(29 * line * sizeof(float));
    uint64_t *keys = malloc(n * capacity * sizeof(uint64_t));
    float *work = malloc((2 * GROUP + 1) * d * sizeof(float));
    int16_t *tails = calloc(n * index->tail_width + 1, sizeof(int16_t));
    int32_t *integers = malloc(d * sizeof(int32_t));
    WORD *words = malloc((line + TILE * SEED * WIDE) * sizeof(WORD));
    chunk.users = malloc(n * sizeof(User));
    chunk.bytes = malloc(n * chunk.stride + 1);
    chunk.slots = calloc(2 * line, sizeof(int64_t));
    int failed = !sides || !keys || !work || !tails || !integers || !words || !chunk.users || !chunk.bytes || !chunk.slots;
    if (!failed) {
        NAME(lay_out)(&chunk.sides, sides, line);
        NAME(lay_out)(&chunk.active, sides + 13 * line, line);
        chunk.excess = sides + 26 * line;
        chunk.whole_bars = (int32_t *)(sides + 27 * line);
        chunk.keeps = (int32_t *)(sides + 28 * line);
        float *rotated = work, *packed = rotated + GROUP * d, *errors = packed + GROUP * d;
        chunk.bars = words;
        chunk.chosen = chunk.slots + line;
        for (int64_t first = 0; first < n; first += GROUP) {
            const float *sources[GROUP];
            double scales[GROUP];
            int64_t count = n - first < GROUP ? n - first : GROUP;
            for (int64_t at = 0; at < count; at++) {
                int exponent;
                frexp(norms[start + first + at], &exponent);
                sources[at] = users + (start + first + at) * d;
                scales[at] = ldexp(1.0, -exponent);
            }
            NAME(rotate)(sources, scales, count, index->basis, d, packed, rotated);
            for (int64_t at = 0; at < count; at++) {
                int64_t slot = first + at;
                User *user = &chunk.users[slot];
                user->factors = sources[at];
                user->row = start + slot;
                user->unit = scales[at] * index->item_scale;
                user->tail = tails + slot * index->tail_width;
                user->worst = 0;
                user->found = (Candidates){keys + slot * capacity, 0, wanted, capacity, wanted};
                chunk.sides.threshold[slot] = -INFINITY;
                double floor = 4.0 * d * FLT_MIN * user->unit + 1e-30;
                if (floor > 1e10) /* scores near the smallest float: the bounds say nothing, every item is scored */
                    floor = 0, user->unit = 0;
                chunk.sides.floor[slot] = at_least(floor);
                NAME(pack_user)(
                    index, rotated + at * d, at_least(norms[user->row] * scales[at]), slot, &chunk.sides,
                    chunk.bytes + slot * chunk.stride, tails + slot * index->tail_width, integers, errors);
                NAME(list_short_rows)(index, rules, &chunk, slot);
            }
        }
        NAME(scan)(index, rules, &chunk, words + line);
        NAME(flush)(index, &chunk);
        for (int64_t slot = 0; slot < n; slot++) {
            User *user = &chunk.users[slot];
            NAME(answer)(user, &chunk.sides.threshold[slot], items + user->row * k, scores + user->row * k, k);
        }
    }
    free(sides);
    free(keys);
    free(work);
    free(tails);
    free(integers);
    free(words);
    free(chunk.users);
    free(chunk.bytes);
    free(chunk.slots);
    return failed;
}
