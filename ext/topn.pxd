from libc.stdint cimport int32_t, int64_t


cdef extern from "topn.h" nogil:
    ctypedef struct TopList:
        float *scores
        int32_t *items
        int64_t size
        int64_t capacity

    void offer(TopList *best, float score, int32_t item)
    float threshold(const TopList *best)
    void finish(TopList *best)
    float fixed_dot(const float *a, const float *b, int64_t d)
    int64_t next_above(const float *values, int64_t place, int64_t n, float bar)
    bint holds(const int32_t *codes, int64_t low, int64_t high, int32_t code)
