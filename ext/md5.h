/* MD5 (RFC 1321) of many short texts: sixteen messages side by side, so that the compiler makes vectors of them.
 *
 * Not for security: it serves as a hash that every language and every database has.
 */
#ifndef RECSYS_MD5_H
#define RECSYS_MD5_H

#include <stdint.h>
#include <string.h>

#define MESSAGES 16
#define BLOCK_BYTES 64
#define LENGTH_BYTES 8

typedef uint32_t Messages[MESSAGES];

typedef struct {
    const unsigned char *text;
    int64_t length;
} Text;

static const uint32_t SINES[64] = {
    0xd76aa478u, 0xe8c7b756u, 0x242070dbu, 0xc1bdceeeu, 0xf57c0fafu, 0x4787c62au, 0xa8304613u, 0xfd469501u,
    0x698098d8u, 0x8b44f7afu, 0xffff5bb1u, 0x895cd7beu, 0x6b901122u, 0xfd987193u, 0xa679438eu, 0x49b40821u,
    0xf61e2562u, 0xc040b340u, 0x265e5a51u, 0xe9b6c7aau, 0xd62f105du, 0x02441453u, 0xd8a1e681u, 0xe7d3fbc8u,
    0x21e1cde6u, 0xc33707d6u, 0xf4d50d87u, 0x455a14edu, 0xa9e3e905u, 0xfcefa3f8u, 0x676f02d9u, 0x8d2a4c8au,
    0xfffa3942u, 0x8771f681u, 0x6d9d6122u, 0xfde5380cu, 0xa4beea44u, 0x4bdecfa9u, 0xf6bb4b60u, 0xbebfbc70u,
    0x289b7ec6u, 0xeaa127fau, 0xd4ef3085u, 0x04881d05u, 0xd9d4d039u, 0xe6db99e5u, 0x1fa27cf8u, 0xc4ac5665u,
    0xf4292244u, 0x432aff97u, 0xab9423a7u, 0xfc93a039u, 0x655b59c3u, 0x8f0ccc92u, 0xffeff47du, 0x85845dd1u,
    0x6fa87e4fu, 0xfe2ce6e0u, 0xa3014314u, 0x4e0811a1u, 0xf7537e82u, 0xbd3af235u, 0x2ad7d2bbu, 0xeb86d391u};

#define MIX_F(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define MIX_G(x, y, z) ((y) ^ ((z) & ((x) ^ (y))))
#define MIX_H(x, y, z) ((x) ^ (y) ^ (z))
#define MIX_I(x, y, z) ((y) ^ ((x) | ~(z)))
#define STEP(mix, a, b, c, d, step, word, turn)                                                               \
    for (int m = 0; m < MESSAGES; m++) {                                                                      \
        uint32_t sum = a[m] + mix(b[m], c[m], d[m]) + words[(word) & 15][m] + SINES[step];                    \
        a[m] = b[m] + (sum << (turn) | sum >> (32 - (turn)));                                                 \
    }
#define ROUND(mix, first, times, plus, turn_a, turn_d, turn_c, turn_b)                                        \
    for (int step = first; step < (first) + 16; step += 4) {                                                  \
        STEP(mix, a, b, c, d, step, (times) * step + (plus), turn_a)                                          \
        STEP(mix, d, a, b, c, step + 1, (times) * (step + 1) + (plus), turn_d)                                \
        STEP(mix, c, d, a, b, step + 2, (times) * (step + 2) + (plus), turn_c)                                \
        STEP(mix, b, c, d, a, step + 3, (times) * (step + 3) + (plus), turn_b)                                \
    }

/* Take one more block into the states of the messages whose `alive` is all ones. */
static void md5_block(Messages state[4], const Messages words[16], const Messages alive)
{
    Messages a, b, c, d;
    memcpy(a, state[0], sizeof a);
    memcpy(b, state[1], sizeof b);
    memcpy(c, state[2], sizeof c);
    memcpy(d, state[3], sizeof d);
    ROUND(MIX_F, 0, 1, 0, 7, 12, 17, 22)
    ROUND(MIX_G, 16, 5, 1, 5, 9, 14, 20)
    ROUND(MIX_H, 32, 3, 5, 4, 11, 16, 23)
    ROUND(MIX_I, 48, 7, 0, 6, 10, 15, 21)
    for (int m = 0; m < MESSAGES; m++) {
        state[0][m] += a[m] & alive[m];
        state[1][m] += b[m] & alive[m];
        state[2][m] += c[m] & alive[m];
        state[3][m] += d[m] & alive[m];
    }
}

/* Copy what of a piece, which starts at `at` of the message, falls into the block that starts at `first`. */
static void place_piece(unsigned char *block, int64_t first, int64_t at, Text piece)
{
    int64_t from = at > first ? at : first, to = at + piece.length;
    if (to > first + BLOCK_BYTES)
        to = first + BLOCK_BYTES;
    if (from < to)
        memcpy(block + (from - first), piece.text + (from - at), (size_t)(to - from));
}

/* Write the block of prefix + text + padding that starts at byte `first`. */
static void fill_block(unsigned char *block, int64_t first, Text prefix, Text text, int64_t n_blocks)
{
    int64_t length = prefix.length + text.length;
    memset(block, 0, BLOCK_BYTES);
    place_piece(block, first, 0, prefix);
    place_piece(block, first, prefix.length, text);
    if (length >= first && length < first + BLOCK_BYTES)
        block[length - first] = 0x80;
    if (first == (n_blocks - 1) * BLOCK_BYTES)
        for (int byte = 0; byte < LENGTH_BYTES; byte++)
            block[BLOCK_BYTES - LENGTH_BYTES + byte] = (unsigned char)((uint64_t)length * 8 >> 8 * byte);
}

static inline uint32_t word_at(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Digests of prefix + text, as four words each; the first byte of a digest is the lowest of its first word. */
static void md5_texts(Text prefix, const Text texts[MESSAGES], Messages state[4])
{
    static const uint32_t initial[4] = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u};
    unsigned char block[BLOCK_BYTES];
    int64_t n_blocks[MESSAGES], most = 0;
    Messages words[16], alive;
    for (int m = 0; m < MESSAGES; m++) {
        n_blocks[m] = (prefix.length + texts[m].length + LENGTH_BYTES) / BLOCK_BYTES + 1;
        most = n_blocks[m] > most ? n_blocks[m] : most;
        for (int word = 0; word < 4; word++)
            state[word][m] = initial[word];
    }
    for (int64_t done = 0; done < most; done++) {
        for (int m = 0; m < MESSAGES; m++) {
            alive[m] = done < n_blocks[m] ? ~(uint32_t)0 : 0;
            if (alive[m])
                fill_block(block, done * BLOCK_BYTES, prefix, texts[m], n_blocks[m]);
            for (int word = 0; word < 16; word++)
                words[word][m] = word_at(block + 4 * word);
        }
        md5_block(state, words, alive);
    }
}

/* The decimal digits of a number, right-aligned in `room` (20 bytes). */
static Text decimal(int64_t number, unsigned char *room)
{
    Text text;
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    int at = 20;
    do {
        room[--at] = (unsigned char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (number < 0)
        room[--at] = '-';
    text.text = room + at;
    text.length = 20 - at;
    return text;
}

static inline uint32_t swapped(uint32_t word)
{
    return word << 24 | (word & 0xff00u) << 8 | (word >> 8 & 0xff00u) | word >> 24;
}

/* The first 13 hexadecimal digits of a digest as a number, modulo `parts`. */
static inline int32_t bucket_of(uint32_t first, uint32_t second, uint64_t parts)
{
    return (int32_t)((((uint64_t)swapped(first) << 32 | swapped(second)) >> 12) % parts);
}

/* Buckets of the units start:stop, whose texts are data[offsets[i]:offsets[i + 1]] or, without data, decimal numbers. */
static void hash_buckets(
    Text prefix, const int64_t *numbers, const int64_t *offsets, const unsigned char *data, int64_t start, int64_t stop,
    uint64_t parts, int32_t *out)
{
    unsigned char room[MESSAGES][20];
    Messages state[4];
    Text texts[MESSAGES];
    for (int64_t at = start; at < stop; at += MESSAGES) {
        int n = (int)(stop - at < MESSAGES ? stop - at : MESSAGES);
        for (int m = 0; m < MESSAGES; m++) {
            int64_t unit = at + (m < n ? m : 0);
            if (data) {
                texts[m].text = data + offsets[unit];
                texts[m].length = offsets[unit + 1] - offsets[unit];
            } else {
                texts[m] = decimal(numbers[unit], room[m]);
            }
        }
        md5_texts(prefix, texts, state);
        for (int m = 0; m < n; m++)
            out[at + m] = bucket_of(state[0][m], state[1][m], parts);
    }
}

#endif
