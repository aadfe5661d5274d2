/* Included by scan_body.h: the scan over panels of items, for some users at a time. */

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
            WORD bar = (WORD)NAME(bar)(cut * segment->panels[panel].inverse);
            done[panel] = NAME(stored_above)(sums + panel * WIDE, bar) & NAME(valid)(segment, panel);
            if (done[panel])
                NAME(look)(index, segment, rules, chunk, slot, panel, done[panel], sums + panel * WIDE);
        }
        NAME(flush)(index, chunk);
        NAME(compact)(user, &sides->threshold[slot]);
    }
    for (int64_t panel = 0; panel < n; panel++) {
        const Extremes *e = segment->panels + panel;
        float needed = sides->threshold[slot] - NAME(head_loss)(sides, slot, e);
        if (sides->threshold[slot] > NAME(reach)(sides, slot, e))
            continue;
        WORD bar = (WORD)NAME(bar)(needed * (sides->inverse[slot] * e->inverse));
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
        float least = threshold[at] - NAME(loss_of)(head_error[at], quantised[at], tail[at], whole[at], floors[at], &x);
        keeps[at] = !(threshold[at] - NAME(reach_of)(lead[at], rest[at], whole[at], floors[at], &x) > 0);
        bars[at] = NAME(bar)(least * (inverse[at] * x.inverse));
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
        float *rotated = work, *scaled = rotated + GROUP * d, *errors = scaled + GROUP * d;
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
            NAME(rotate)(sources, scales, count, index->basis, d, scaled, rotated);
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
