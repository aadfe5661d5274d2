/* Sums and sums of products of columns, less a base, for each group of rows.
 *
 * Rows are taken in their order. Each group adds up a block of its own rows before the block is added to its total, so that a
 * sum is as exact as one of a few thousand numbers, and does not depend on what other groups there are.
 */
#ifndef RECSYS_MOMENTS_H
#define RECSYS_MOMENTS_H

#include <stdint.h>

#ifdef __GNUC__
#define ALWAYS_INLINE inline __attribute__((always_inline))
#else
#define ALWAYS_INLINE inline
#endif

#define BLOCK 4096 /* rows of a group */
#define MOST_COLUMNS 4096

typedef struct {
    const double *const *columns;
    const int64_t *strides; /* of the columns, in doubles */
    int64_t n_columns;
    const int32_t *groups; /* of the rows; negative: in none */
    int64_t n_rows, n_groups;
} Rows;

/* counts (n_groups), firsts and sums (n_groups, n_columns): the first values, and the sums of the first `most` less those. */
static void first_rows(const Rows *rows, int64_t most, int64_t *counts, double *firsts, double *sums)
{
    int64_t k = rows->n_columns, waiting = rows->n_groups;
    for (int64_t row = 0; row < rows->n_rows && waiting; row++) {
        int64_t group = rows->groups[row];
        if (group < 0 || counts[group] == most)
            continue;
        for (int64_t j = 0; j < k; j++) {
            double value = rows->columns[j][row * rows->strides[j]];
            if (!counts[group])
                firsts[group * k + j] = value;
            sums[group * k + j] += value - firsts[group * k + j];
        }
        if (++counts[group] == most)
            waiting--;
    }
}

static void flush(double *block, double *total, int64_t width)
{
    for (int64_t i = 0; i < width; i++) {
        total[i] += block[i];
        block[i] = 0.0;
    }
}

/* `width` is k sums and the k (k + 1) / 2 products of the lower triangle, row by row. */
static ALWAYS_INLINE void add_all(const Rows *rows, int64_t k, const double *bases, int64_t *counts, double *blocks,
                                  double *totals)
{
    double rest[MOST_COLUMNS];
    int64_t width = k + k * (k + 1) / 2;
    for (int64_t row = 0; row < rows->n_rows; row++) {
        int64_t group = rows->groups[row];
        if (group < 0)
            continue;
        double *sums = blocks + group * width, *products = sums + k;
        for (int64_t j = 0; j < k; j++)
            rest[j] = rows->columns[j][row * rows->strides[j]] - bases[group * k + j];
        for (int64_t j = 0; j < k; j++)
            sums[j] += rest[j];
        for (int64_t i = 0; i < k; i++)
            for (int64_t j = 0; j <= i; j++)
                *products++ += rest[i] * rest[j];
        if (!(++counts[group] % BLOCK))
            flush(sums, totals + group * width, width);
    }
    flush(blocks, totals, width * rows->n_groups);
}

static void add_rows_of_groups(const Rows *rows, const double *bases, int64_t *counts, double *blocks, double *totals)
{
    switch (rows->n_columns) { /* the usual numbers are known to the compiler */
    case 1:
        add_all(rows, 1, bases, counts, blocks, totals);
        break;
    case 2:
        add_all(rows, 2, bases, counts, blocks, totals);
        break;
    case 3:
        add_all(rows, 3, bases, counts, blocks, totals);
        break;
    case 4:
        add_all(rows, 4, bases, counts, blocks, totals);
        break;
    default:
        add_all(rows, rows->n_columns, bases, counts, blocks, totals);
    }
}

#endif
