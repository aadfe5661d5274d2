/* Draws and small linear algebra of the bandit kernel: integer arithmetic, + - * / and sqrt alone, in the order of the
   numpy twin (recsys/kernels/_reference_bandit.py), so that results are the same bytes wherever IEEE 754 holds. */
#ifndef RECSYS_BANDIT_H
#define RECSYS_BANDIT_H

#include <math.h>
#include <stdint.h>

static inline uint64_t mixed(uint64_t word)
{
    word = (word ^ (word >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    word = (word ^ (word >> 27)) * UINT64_C(0x94D049BB133111EB);
    return word ^ (word >> 31);
}

static inline double uniform(uint64_t key, uint64_t column)
{
    uint64_t word = mixed(key + (column + 1) * UINT64_C(0x9E3779B97F4A7C15));
    return ((double)(word >> 12) + 0.5) * 0x1p-52;
}

static double logarithm(double x)
{
    int exponent;
    double part = frexp(x, &exponent);
    if (part < 0.7071067811865476) {
        part = part * 2.0;
        exponent -= 1;
    }
    double s = (part - 1.0) / (part + 1.0), square = s * s, total = 0.0;
    for (int odd = 23; odd > 0; odd -= 2)
        total = total * square + 1.0 / (double)odd;
    return (double)exponent * 1.9082149292705877e-10 + 2.0 * s * total + (double)exponent * 0.6931471803691238;
}

static inline double horner(const double *coefficients, double r)
{
    double total = coefficients[0];
    for (int place = 1; place < 8; ++place)
        total = total * r + coefficients[place];
    return total;
}

/* Wichura 1988, AS 241, PPND16 */
static const double CENTRE[2][8] = {
    {2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
     1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0},
    {5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
     5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0}};
static const double MIDDLE[2][8] = {
    {7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
     3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0},
    {1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
     6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0}};
static const double TAIL[2][8] = {
    {2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
     2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0},
    {2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
     1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0}};

static double normal(double p)
{
    double q = p - 0.5, r, found;
    if (fabs(q) <= 0.425) {
        r = 0.180625 - q * q;
        return q * horner(CENTRE[0], r) / horner(CENTRE[1], r);
    }
    r = sqrt(-logarithm(q < 0.0 ? p : 1.0 - p));
    if (r <= 5.0)
        found = horner(MIDDLE[0], r - 1.6) / horner(MIDDLE[1], r - 1.6);
    else
        found = horner(TAIL[0], r - 5.0) / horner(TAIL[1], r - 5.0);
    return q < 0.0 ? -found : found;
}

/* Marsaglia & Tsang 2000, for a shape of at least 1 */
static double gamma_variate(uint64_t key, double shape)
{
    double d = shape - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * d);
    for (uint64_t column = 0;; column += 2) {
        double x = normal(uniform(key, column)), u = uniform(key, column + 1), v = 1.0 + c * x, square;
        if (v <= 0.0)
            continue;
        v = v * v * v;
        square = x * x;
        if (u < 1.0 - 0.0331 * (square * square))
            return d * v;
        if (logarithm(u) < 0.5 * square + d * (1.0 - v + logarithm(v)))
            return d * v;
    }
}

static double beta_variate(uint64_t key, double success, double failure)
{
    double first = gamma_variate(mixed(key ^ 1), success), second = gamma_variate(mixed(key ^ 2), failure);
    return first / (first + second);
}

static inline double dot(const double *left, const double *right, int64_t d)
{
    double total = 0.0;
    for (int64_t place = 0; place < d; ++place)
        total += left[place] * right[place];
    return total;
}

/* A symmetric matrix times a vector, row after row: no sum within a row, so the compiler may take several at once. */
static void times_vector(const double *restrict matrix, const double *restrict x, double *restrict out, int64_t d)
{
    for (int64_t place = 0; place < d; ++place)
        out[place] = 0.0;
    for (int64_t row = 0; row < d; ++row) {
        double factor = x[row];
        if (factor == 0.0)
            continue;
        for (int64_t place = 0; place < d; ++place)
            out[place] += matrix[row * d + place] * factor;
    }
}

static void grow(double *restrict gram, double *restrict moment, const double *restrict x, double reward, int64_t d)
{
    for (int64_t row = 0; row < d; ++row) {
        for (int64_t place = 0; place < d; ++place)
            gram[row * d + place] += x[row] * x[place];
        moment[row] += x[row] * reward;
    }
}

/* Sherman & Morrison 1950: the inverse and the ridge solution after one more row. */
static void shrink(double *restrict inverse, double *restrict theta, const double *restrict x, double *restrict moved,
                   double reward, int64_t d)
{
    times_vector(inverse, x, moved, d);
    double scale = 1.0 / (1.0 + dot(x, moved, d)), error = (reward - dot(x, theta, d)) * scale;
    for (int64_t row = 0; row < d; ++row) {
        theta[row] += moved[row] * error;
        for (int64_t place = 0; place < d; ++place)
            inverse[row * d + place] -= (moved[row] * moved[place]) * scale;
    }
}

/* The same from the normal equations, by a Cholesky factor: what rounding has added up is gone. */
static void resolve(const double *gram, double *inverse, double *theta, const double *moment, double *room, int64_t d)
{
    double *lower = room, *back = room + d * d;
    for (int64_t i = 0; i < d; ++i)
        for (int64_t j = 0; j <= i; ++j) {
            double total = gram[i * d + j];
            for (int64_t k = 0; k < j; ++k)
                total -= lower[i * d + k] * lower[j * d + k];
            lower[i * d + j] = i == j ? sqrt(total) : total / lower[j * d + j];
        }
    for (int64_t j = 0; j < d; ++j) {
        back[j * d + j] = 1.0 / lower[j * d + j];
        for (int64_t i = j + 1; i < d; ++i) {
            double total = 0.0;
            for (int64_t k = j; k < i; ++k)
                total -= lower[i * d + k] * back[k * d + j];
            back[i * d + j] = total / lower[i * d + i];
        }
    }
    for (int64_t i = 0; i < d; ++i)
        for (int64_t j = 0; j <= i; ++j) {
            double total = 0.0;
            for (int64_t k = i; k < d; ++k)
                total += back[k * d + i] * back[k * d + j];
            inverse[i * d + j] = total;
            inverse[j * d + i] = total;
        }
    times_vector(inverse, moment, theta, d);
}

#endif
