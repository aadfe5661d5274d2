/* The exact scan, once for each variant: included with NAME(x), WORD_BITS, STEP (columns a step) and the hooks of a tile defined.
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

#include "scan_pack.h"
#include "scan_bounds.h"
#include "scan_candidates.h"
#include "scan_panels.h"
