/* comm/group.c - memory that the ranks of a group share, and their barrier. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "private.h"
#include "shared_file.h"

struct mapping {
    struct mapping *next;
    void *memory;
    size_t bytes;
    int shared; /* 0: memory of this rank alone */
};

/* What the group's first rank tells the others. */
typedef struct offer {
    shared_file_offer file;
    int error; /* errno of its attempt to create the file */
    unsigned long long bytes;
} offer;

/* ---- memory ---- */

static offer offer_create(size_t bytes, int *file)
{
    offer o = {.bytes = bytes};
    *file = shared_file_create(bytes, &o.file);
    if (*file < 0) o.error = errno;
    return o;
}

static status map_file(const comm *c, int file, size_t bytes, void **memory, failure *why)
{
    int error = shared_file_reserve(file, bytes, c->layout.group_rank, c->layout.group_ranks);
    if (error)
        return fail(why, STATUS_CANNOT_WRITE,
                    "%zu bytes of shared memory (/dev/shm) cannot be reserved: %s; enlarge "
                    "/dev/shm (docker: --shm-size) or use --share=off",
                    bytes, strerror(error));
    *memory = shared_file_map(file, bytes);
    if (*memory) return STATUS_OK;
    return fail(why, STATUS_CANNOT_WRITE, "%zu bytes of shared memory cannot be mapped: %s", bytes,
                strerror(errno));
}

/* Maps the group's new file; where that fails, *memory stays NULL. */
static status map_offer(const comm *c, const offer *o, int file, void **memory, failure *why)
{
    CHECK(o->bytes == 0 || *memory == NULL, "%s", "memory is mapped once");
    if (o->error)
        return fail(why, STATUS_CANNOT_WRITE,
                    "shared memory cannot be created in /dev/shm: %s; --share=off does without",
                    strerror(o->error));
    int own = file < 0 ? shared_file_open(&o->file) : file;
    if (own < 0)
        return fail(why, STATUS_CANNOT_WRITE,
                    "shared memory %s cannot be opened: %s; --share=off does without", o->file.path,
                    strerror(errno));
    status code = map_file(c, own, (size_t)o->bytes, memory, why);
    if (file < 0) close(own);
    return code;
}

static status share_memory(comm *c, size_t bytes, void **memory, failure *why)
{
    int file = -1;
    offer o = {.bytes = bytes};
    if (c->layout.group_rank == 0) o = offer_create(bytes, &file);
    wire_broadcast(c->group, &o, sizeof o);
    CHECK(o.bytes == bytes, "the ranks of a group ask for %llu and %zu bytes", o.bytes, bytes);
    status code = wire_agree(c->world, map_offer(c, &o, file, memory, why), why);
    if (file >= 0) close(file);
    if (code != STATUS_OK && *memory) {
        shared_file_unmap(*memory, bytes);
        *memory = NULL;
    }
    return code;
}

status group_take(comm *c, size_t bytes, void **memory, failure *why)
{
    int shared = c->layout.group_ranks > 1;
    status code;
    *memory = NULL;
    if (bytes == 0) bytes = 1;
    if (shared) {
        code = share_memory(c, bytes, memory, why);
        /* all ranks have reserved their shares by now; their first accesses find huge pages */
        if (code == STATUS_OK && c->layout.group_rank == 0)
            shared_file_use_huge_pages(*memory, bytes);
    } else {
        *memory = memory_take(bytes);
        code = wire_agree(c->world, STATUS_OK, why);
        if (code != STATUS_OK) memory_free(*memory);
    }
    if (code != STATUS_OK) return code;
    struct mapping *m = arena_take(&c->memory, sizeof *m);
    *m = (struct mapping){c->mappings, *memory, bytes, shared};
    c->mappings = m;
    return STATUS_OK;
}

static void mapping_release(struct mapping *m)
{
    if (m->shared)
        shared_file_unmap(m->memory, m->bytes);
    else
        memory_free(m->memory);
}

void group_give_back(comm *c, void *memory)
{
    struct mapping **link = &c->mappings;
    while (*link && (*link)->memory != memory) link = &(*link)->next;
    CHECK(*link, "%s", "this memory was not taken here");
    mapping_release(*link);
    *link = (*link)->next;
}

void group_close(comm *c)
{
    while (c->mappings) group_give_back(c, c->mappings->memory);
}

/* Is there room? The pages are reserved, but not made huge ones: that would copy all of them. */
static status try_reserve(comm *c, size_t bytes, failure *why)
{
    void *memory = NULL;
    if (bytes == 0) return STATUS_OK;
    if (c->layout.group_ranks == 1) return wire_agree(c->world, STATUS_OK, why);
    status code = share_memory(c, bytes, &memory, why);
    if (code == STATUS_OK) shared_file_unmap(memory, bytes);
    return code;
}

status group_open(comm *c, size_t trial_bytes, failure *why)
{
    size_t board_bytes = 2 * (size_t)c->layout.ranks * COMM_ALLGATHER_BYTES;
    void *memory;
    status code = group_take(c, sizeof(gate) + board_bytes, &memory, why);
    if (code != STATUS_OK) return code;
    c->barrier = memory;
    c->board = (unsigned char *)memory + sizeof(gate);
    return try_reserve(c, trial_bytes, why);
}

status comm_shared_take(comm *c, size_t bytes, void **memory, failure *why)
{
    return group_take(c, bytes, memory, why);
}

/* ---- the barrier ---- */

void comm_group_barrier(comm *c)
{
    unsigned target = ++c->barriers * (unsigned)c->layout.group_ranks;
    gate_enter(c->barrier, target);
    gate_wait(c, c->barrier, target);
}
