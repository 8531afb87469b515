/* arena.h - the only source of memory: an aligned bump allocator, and counters.     layer: base
 *
 * Plan, then run: everything is taken during set-up; the training step takes nothing. A test reads the counters.
 * Threads: one thread at a time per arena.   Collective: no.   Errors: out of memory is a CHECK (it ends all ranks).
 */
#ifndef MNIST_DIST_BASE_ARENA_H
#define MNIST_DIST_BASE_ARENA_H

#include <stddef.h>

enum { ARENA_ALIGN = 64 };

struct arena_chunk;

/* Grows by chunks; what was taken never moves. Zero-initialise to get an empty arena. */
typedef struct arena {
    struct arena_chunk *newest;
    int only_counts; /* nothing is taken, see arena_counter */
    size_t counted;
} arena;

/* A point to which an arena can be released again. */
typedef struct arena_mark {
    struct arena_chunk *chunk;
    size_t used;
} arena_mark;

/* `bytes` of zeroed memory, 64-byte aligned, valid until the arena is released behind it or freed. Runs of 2 MiB and
 * more are offered to the kernel as huge pages. */
void *arena_take(arena *a, size_t bytes);

/* The same for `count` floats; in debug builds filled with NaN, so that a read before a write shows. */
float *arena_floats(arena *a, size_t count);

/* An arena that takes nothing: arena_take and arena_floats return NULL, and arena_bytes says what they would have taken. For
 * plans that want to know their size beforehand. */
arena arena_counter(void);

/* A copy of a string. */
char *arena_text(arena *a, const char *text);

arena_mark arena_now(const arena *a);
void arena_release(arena *a, arena_mark mark);
void arena_free(arena *a);

/* Bytes taken from this arena so far, chunk overhead left out. */
size_t arena_bytes(const arena *a);

/* Plain memory for the few things that live on their own (file buffers). Zeroed, 64-byte aligned; NULL is never
 * returned. memory_free(NULL) is allowed. */
void *memory_take(size_t bytes);
void memory_free(void *memory);

/* Calls that asked the C library for memory since the program began: what a test compares before and after a step. */
size_t memory_requests(void);

#endif
