/* arena.h - the only source of memory: an aligned bump allocator, and counters.     room: base
 *
 * All memory is taken during set-up; a training step takes none. memory_requests lets a test check that.
 * Threads: one thread at a time for each arena; memory_*: any.   Collective: no.
 * Errors: out of memory is a CHECK, which ends all ranks.   Test: tests/unit/base_arena.c
 */
#ifndef MNIST_DIST_BASE_ARENA_H
#define MNIST_DIST_BASE_ARENA_H

#include <stddef.h>

enum { ARENA_ALIGN = 64 };

struct arena_chunk;

/* {0} is an empty arena. It grows by chunks; memory that was taken does not move. */
typedef struct arena {
    struct arena_chunk *newest;
    int only_counts; /* 1: made by arena_counter */
    size_t counted;  /* bytes, if only_counts     */
} arena;

/* A point to which arena_release returns. */
typedef struct arena_mark {
    struct arena_chunk *chunk;
    size_t used;
} arena_mark;

/* Returns `bytes` of zeroed memory on a 64-byte boundary. The arena owns it: it is valid until arena_free, or until
 * arena_release to an earlier mark. The kernel is advised to use huge pages for 2 MiB and more. */
void *arena_take(arena *a, size_t bytes);

/* The same for `count` floats. Debug builds fill them with NaN, so that a read before the first write shows. */
float *arena_floats(arena *a, size_t count);

/* An arena that only counts: arena_take and arena_floats return NULL, arena_bytes returns what they would have taken. It
 * gives the size of a plan without its memory. */
arena arena_counter(void);

/* A copy of a string, owned by the arena. */
char *arena_text(arena *a, const char *text);

/* arena_now returns the present end of the arena; arena_release frees what was taken after that mark; arena_free frees all,
 * and the arena is empty again. */
arena_mark arena_now(const arena *a);
void arena_release(arena *a, arena_mark mark);
void arena_free(arena *a);

/* Bytes taken from this arena and not released, without the overhead of chunks. */
size_t arena_bytes(const arena *a);

/* Memory with a lifetime of its own, such as a file's buffer: zeroed, on a 64-byte boundary, never NULL. The caller owns it
 * and frees it with memory_free, which accepts NULL. */
void *memory_take(size_t bytes);
void memory_free(void *memory);

/* How often this process has asked the C library for memory through this file. */
size_t memory_requests(void);

#endif
