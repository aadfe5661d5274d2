/* Included by scan_body.h: what the bounds leave of the items, and its exact scores. */

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
        FETCH((const char *)row + byte, 3);
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

/* Look closer at the items of a panel whose bits are set. */
static void NAME(look)(
    const Index *index, const Segment *segment, const Rules *rules, NAME(Chunk) *chunk, int64_t slot, int64_t panel,
    uint64_t bits, const WORD *sums)
{
    const Extremes *e = segment->panels + panel;
    const Users *users = &chunk->sides;
    const User *user = &chunk->users[slot];
    float scale = users->scale[slot] * e->scale, tail_scale = users->tail_scale[slot] * e->tail_scale;
    float error = NAME(refined_loss)(users, slot, e);
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
