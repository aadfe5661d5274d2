"""Salted buckets of units by MD5. Arrays are checked by the dispatcher."""

from libc.stdint cimport int32_t, int64_t, uint64_t


cdef extern from "md5.h" nogil:
    ctypedef struct Text:
        const unsigned char *text
        int64_t length

    void hash_buckets(
        Text prefix, const int64_t *numbers, const int64_t *offsets, const unsigned char *data, int64_t start,
        int64_t stop, uint64_t parts, int32_t *out)


def hash_numbers(
    const unsigned char[::1] prefix, const int64_t[::1] numbers, Py_ssize_t start, Py_ssize_t stop, uint64_t parts,
    int32_t[::1] out,
):
    """Fill ``out[start:stop]`` with the buckets of prefix + decimal number."""
    cdef Text text
    text.text, text.length = &prefix[0], prefix.shape[0]
    with nogil:
        hash_buckets(text, &numbers[0], NULL, NULL, start, stop, parts, &out[0])


def hash_texts(
    const unsigned char[::1] prefix, const int64_t[::1] offsets, const unsigned char[::1] data, Py_ssize_t start,
    Py_ssize_t stop, uint64_t parts, int32_t[::1] out,
):
    """Fill ``out[start:stop]`` with the buckets of prefix + ``data[offsets[i]:offsets[i + 1]]``."""
    cdef Text text
    text.text, text.length = &prefix[0], prefix.shape[0]
    with nogil:
        hash_buckets(text, NULL, &offsets[0], &data[0], start, stop, parts, &out[0])
