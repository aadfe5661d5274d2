/* Included by scan_body.h. */

/* ---- bounds (docs/decisions/0012), written on single numbers so that compilers vectorise them over users alike */

/* What separates the sum of a head from the final score, for a user and any item of a panel or block. */
static inline float NAME(loss_of)(float head_error, float quantised, float tail, float whole, float floor, const Extremes *e)
{
    return head_error * e->head + quantised * e->head_error + tail * e->tail + whole * e->whole + floor;
}

/* A final score that no item of a panel or block exceeds. */
static inline float NAME(reach_of)(float lead, float rest, float whole, float floor, const Extremes *e)
{
    return lead * e->lead + rest * e->rest + whole * e->whole + floor;
}

/* The integer that the sum of a head must exceed: at most floor(bar) - 1. */
static inline int32_t NAME(bar)(float bar)
{
    bar = bar > 1 - SUM_LIMIT ? bar : 1 - SUM_LIMIT;
    bar = bar < SUM_LIMIT ? bar : SUM_LIMIT;
    return (int32_t)bar - 2;
}

static inline float NAME(head_loss)(const Users *users, int64_t at, const Extremes *e)
{
    return NAME(loss_of)(
        users->head_error[at], users->quantised[at], users->tail[at], users->whole[at], users->floor[at], e);
}

static inline float NAME(reach)(const Users *users, int64_t at, const Extremes *e)
{
    return NAME(reach_of)(users->lead[at], users->rest[at], users->whole[at], users->floor[at], e);
}

/* What separates the sums of head and tail from the final score. */
static inline float NAME(refined_loss)(const Users *users, int64_t at, const Extremes *e)
{
    return users->head_error[at] * e->head + users->quantised[at] * e->head_error + users->tail_error[at] * e->tail +
           users->tail_quantised[at] * e->tail_error + users->whole[at] * e->whole + users->floor[at];
}
