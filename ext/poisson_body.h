/* Poisson weights of units, and what they add up to: included once for each width of vector registers (NAME).
 *
 * Plain loops over the replicates of a batch, which the compiler makes vectors of. Every replicate adds the units in their
 * order, so all variants give the same bits.
 */

/* Philox4x32-10 (Salmon et al. 2011) on BLOCKS counters, then one weight from each 16 bits. */
static inline void NAME(weights)(uint64_t seed, uint64_t unit, uint32_t batch, int16_t weights[TOGETHER])
{
    uint32_t words[4][BLOCKS], first_key = (uint32_t)seed, second_key = (uint32_t)(seed >> 32);
    int16_t bits[TOGETHER];
    for (int b = 0; b < BLOCKS; b++) {
        words[0][b] = (uint32_t)unit;
        words[1][b] = (uint32_t)(unit >> 32);
        words[2][b] = batch * BLOCKS + (uint32_t)b;
        words[3][b] = 0;
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int b = 0; b < BLOCKS; b++) {
            uint64_t first = (uint64_t)words[0][b] * 0xD2511F53u, second = (uint64_t)words[2][b] * 0xCD9E8D57u;
            uint32_t high = (uint32_t)(second >> 32) ^ words[1][b] ^ first_key;
            words[2][b] = (uint32_t)(first >> 32) ^ words[3][b] ^ second_key;
            words[0][b] = high;
            words[1][b] = (uint32_t)second;
            words[3][b] = (uint32_t)first;
        }
        first_key += 0x9E3779B9u;
        second_key += 0xBB67AE85u;
    }
    memcpy(bits, words, sizeof bits);
    for (int i = 0; i < TOGETHER; i++) {
        int16_t b = bits[i];
        weights[i] = (int16_t)(EXCEEDS(b, 0) + EXCEEDS(b, 1) + EXCEEDS(b, 2) + EXCEEDS(b, 3) + EXCEEDS(b, 4) + EXCEEDS(b, 5) +
                               EXCEEDS(b, 6) + EXCEEDS(b, 7));
    }
}

/* sums[group][column][replicate] += weight * value of the units start:stop; column 0 has the value 1. */
static void NAME(poisson_sums)(
    uint64_t seed, const int64_t *keys, const int32_t *groups, const double *values, int64_t n_columns, int64_t start,
    int64_t stop, uint32_t batch, double *sums)
{
    int16_t weights[TOGETHER];
    for (int64_t row = start; row < stop; row++) {
        double *column = sums + groups[row] * (n_columns + 1) * TOGETHER;
        NAME(weights)(seed, (uint64_t)keys[row], batch, weights);
        for (int i = 0; i < TOGETHER; i++)
            column[i] += (double)weights[i];
        for (int64_t c = 0; c < n_columns; c++) {
            double value = values[row * n_columns + c];
            column += TOGETHER;
            for (int i = 0; i < TOGETHER; i++)
                column[i] += value * (double)weights[i];
        }
    }
}

/* Go on with the weights of the units start:stop; places[i] counts the units before the running total reaches targets[i]. */
static void NAME(poisson_places)(
    uint64_t seed, const int64_t *keys, int64_t start, int64_t stop, uint32_t batch, int32_t *totals, const int32_t *targets,
    int32_t *places)
{
    int16_t weights[TOGETHER];
    int32_t running[TOGETHER], before[TOGETHER], aims[TOGETHER]; /* own copies: nothing else can point into them */
    memcpy(running, totals, sizeof running);
    memcpy(before, places, sizeof before);
    memcpy(aims, targets, sizeof aims);
    for (int64_t row = start; row < stop; row++) {
        NAME(weights)(seed, (uint64_t)keys[row], batch, weights);
        for (int i = 0; i < TOGETHER; i++)
            running[i] += weights[i];
        for (int i = 0; i < TOGETHER; i++)
            before[i] += running[i] < aims[i];
    }
    memcpy(totals, running, sizeof running);
    memcpy(places, before, sizeof before);
}
#undef NAME
