/* base/arena.c - chunks of aligned memory; the only file that calls the C library's allocator. */
#include "base/arena.h"

#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"

enum { CHUNK_BYTES = 1 << 20, HUGE_PAGE = 2 << 20 };

struct arena_chunk {
    struct arena_chunk *older;
    size_t used, size; /* bytes behind the header */
    char pad[ARENA_ALIGN - sizeof(void *) - 2 * sizeof(size_t)];
};
_Static_assert(sizeof(struct arena_chunk) == ARENA_ALIGN, "a chunk's bytes start aligned");

static atomic_size_t requests;

static size_t round_up(size_t bytes, size_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

void *memory_take(size_t bytes)
{
    size_t align = bytes >= HUGE_PAGE ? HUGE_PAGE : ARENA_ALIGN;
    CHECK(bytes <= SIZE_MAX / 2, "%zu bytes asked for", bytes);
    size_t size = round_up(bytes ? bytes : 1, align);
    void *memory = aligned_alloc(align, size);
    atomic_fetch_add(&requests, 1);
    CHECK(memory, "out of memory: %zu bytes asked for", bytes);
    if (bytes >= HUGE_PAGE) madvise(memory, size, MADV_HUGEPAGE); /* advice: may be refused */
    memset(memory, 0, size);
    return memory;
}

void memory_free(void *memory)
{
    free(memory);
}

size_t memory_requests(void)
{
    return atomic_load(&requests);
}

void *arena_take(arena *a, size_t bytes)
{
    size_t need = round_up(bytes ? bytes : 1, ARENA_ALIGN);
    struct arena_chunk *chunk = a->newest;
    if (a->only_counts) {
        a->counted += need;
        return NULL;
    }
    if (!chunk || chunk->size - chunk->used < need) {
        size_t size = need > CHUNK_BYTES - ARENA_ALIGN ? need : CHUNK_BYTES - ARENA_ALIGN;
        struct arena_chunk *fresh = memory_take(size + ARENA_ALIGN);
        fresh->older = chunk;
        fresh->size = size;
        a->newest = chunk = fresh;
    }
    void *memory = (char *)chunk + ARENA_ALIGN + chunk->used;
    chunk->used += need;
    return memory;
}

float *arena_floats(arena *a, size_t count)
{
    CHECK(count <= SIZE_MAX / sizeof(float) / 2, "%zu floats asked for", count);
    float *floats = arena_take(a, count * sizeof(float));
#ifndef NDEBUG
    for (size_t i = 0; floats && i < count; i++) floats[i] = NAN;
#endif
    return floats;
}

arena arena_counter(void)
{
    return (arena){.only_counts = 1};
}

char *arena_text(arena *a, const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(arena_take(a, bytes), text, bytes);
}

arena_mark arena_now(const arena *a)
{
    return (arena_mark){a->newest, a->newest ? a->newest->used : 0};
}

void arena_release(arena *a, arena_mark mark)
{
    while (a->newest != mark.chunk) {
        struct arena_chunk *chunk = a->newest;
        CHECK(chunk, "%s", "the mark is not of this arena");
        a->newest = chunk->older;
        memory_free(chunk);
    }
    if (a->newest) {
        memset((char *)a->newest + ARENA_ALIGN + mark.used, 0, a->newest->used - mark.used);
        a->newest->used = mark.used;
    }
}

void arena_free(arena *a)
{
    arena_release(a, (arena_mark){NULL, 0});
}

size_t arena_bytes(const arena *a)
{
    size_t bytes = a->counted;
    for (const struct arena_chunk *c = a->newest; c; c = c->older) bytes += c->used;
    return bytes;
}
