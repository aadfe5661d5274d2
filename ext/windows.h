/* Rows added to the totals of their unit, each total over its own window and filter.
 *
 * What costs time is memory: a row's totals lie anywhere in some hundred MB. So all totals of a unit lie together (in the
 * order of their windows: a row touches few lines), rows are worked on in short runs, and a run first finds out which totals
 * each row belongs to, as one bit each, then has the lines fetched, and only then adds. A row that belongs nowhere touches
 * nothing.
 */
#ifndef RECSYS_WINDOWS_H
#define RECSYS_WINDOWS_H

#include <float.h>
#include <math.h>
#include <stdint.h>

#ifdef __GNUC__
#define FETCH_TO_WRITE(address) __builtin_prefetch(address, 1)
#define FIRST_BIT(bits) __builtin_ctzll(bits)
#define LAST_BIT(bits) (63 - __builtin_clzll(bits))
#else
#define FETCH_TO_WRITE(address) ((void)(address))
static int first_bit(uint64_t bits)
{
    int place = 0;
    for (; !(bits & 1); bits >>= 1)
        place++;
    return place;
}
static int last_bit(uint64_t bits)
{
    int place = -1;
    for (; bits; bits >>= 1)
        place++;
    return place;
}
#define FIRST_BIT(bits) first_bit(bits)
#define LAST_BIT(bits) last_bit(bits)
#endif

#define RUN 256   /* rows whose bits are found together */
#define AHEAD 12  /* rows whose totals are on their way from memory */
#define LINE 8    /* doubles of a cache line */

enum { TOTAL_COUNT, TOTAL_SUM, TOTAL_ANY, TOTAL_MAX };

/* A distinct window or filter, and the totals (one bit each) that have it. */
typedef struct {
    int64_t begin;
    uint64_t length; /* begin <= offset < begin + length */
    uint64_t totals;
} Window;

typedef struct {
    const unsigned char *passes;
    uint64_t totals;
} Filter;

typedef struct {
    const int32_t *units; /* of the rows */
    const int64_t *times;
    const int64_t *starts; /* of the units */
    const Window *windows;
    const Filter *filters;
    int64_t n_windows, n_filters;
    uint64_t unfiltered;
    const int32_t *functions;        /* of the totals */
    const double *const *columns;    /* of the totals; NULL where none is needed */
    double *sums;                    /* (units, stride) */
    int64_t *left_out;               /* of the totals */
    int64_t stride;
} Totals;

static inline void add_row(const Totals *totals, uint64_t bits, double *sums, int64_t row)
{
    for (; bits; bits &= bits - 1) {
        int total = FIRST_BIT(bits);
        double value;
        switch (totals->functions[total]) {
        case TOTAL_COUNT:
            sums[total] += 1.0;
            break;
        case TOTAL_ANY:
            sums[total] = 1.0;
            break;
        default:
            value = totals->columns[total][row];
            if (!(fabs(value) <= DBL_MAX))
                totals->left_out[total]++;
            else if (totals->functions[total] == TOTAL_SUM)
                sums[total] += value;
            else if (value > sums[total])
                sums[total] = value;
        }
    }
}

/* Add the rows start:stop of units first_unit:last_unit, in their order. */
static void add_rows(const Totals *totals, int64_t start, int64_t stop, int32_t first_unit, int32_t last_unit)
{
    int32_t rows[RUN];
    int64_t offsets[RUN];
    uint64_t bits[RUN], passing[RUN];
    uint32_t span = (uint32_t)(last_unit - first_unit);
    for (int64_t at = start; at < stop; at += RUN) {
        int length = (int)(stop - at < RUN ? stop - at : RUN), n = 0, kept = 0;
        const int32_t *units = totals->units + at;
        for (int row = 0; row < length; row++) {
            rows[n] = row;
            n += (uint32_t)(units[row] - first_unit) < span;
        }
        for (int i = 0; i < n; i++) {
            offsets[i] = totals->times[at + rows[i]] - totals->starts[units[rows[i]]];
            bits[i] = 0;
            passing[i] = totals->unfiltered;
        }
        for (int64_t w = 0; w < totals->n_windows; w++) {
            Window window = totals->windows[w];
            for (int i = 0; i < n; i++)
                bits[i] |= (uint64_t)(offsets[i] - window.begin) < window.length ? window.totals : 0;
        }
        for (int64_t f = 0; f < totals->n_filters; f++) {
            const unsigned char *passes = totals->filters[f].passes + at;
            uint64_t filtered = totals->filters[f].totals;
            for (int i = 0; i < n; i++)
                passing[i] |= passes[rows[i]] ? filtered : 0;
        }
        for (int i = 0; i < n; i++) {
            uint64_t both = bits[i] & passing[i];
            bits[kept] = both;
            rows[kept] = rows[i];
            kept += both != 0;
        }
        for (int i = 0; i < kept + AHEAD; i++) {
            if (i < kept) {
                double *sums = totals->sums + units[rows[i]] * totals->stride;
                int last = LAST_BIT(bits[i]);
                for (int total = FIRST_BIT(bits[i]) & ~(LINE - 1); total <= last; total += LINE)
                    FETCH_TO_WRITE(sums + total);
            }
            if (i >= AHEAD) {
                int32_t row = rows[i - AHEAD];
                add_row(totals, bits[i - AHEAD], totals->sums + units[row] * totals->stride, at + row);
            }
        }
    }
}

#endif
