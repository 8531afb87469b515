/* app/agree.c - compares what the ranks have been given. */
#include "app/agree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/arena.h"
#include "base/text.h"
#include "base/text_buffer.h"
#include "io/file.h"
#include "options_private.h"

enum { PROGRAM_BYTES = 1 << 28, SHOWN = 200 };

/* ---- what this rank was given, as pairs of a name and a value ---- */

/* Of the file that runs; "" if it cannot be read. */
static void program_digest(char hex[33])
{
    unsigned char *bytes;
    size_t length;
    XXH128_canonical_t canonical;
    hex[0] = 0;
    if (file_read_whole("/proc/self/exe", PROGRAM_BYTES, &bytes, &length, NULL)) return;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, length));
    text_hex(canonical.digest, sizeof canonical.digest, hex);
    memory_free(bytes);
}

static void add_settings(const settings *cfg, text_buffer *out)
{
    int rows;
    const setting *table = settings_table(&rows);
    for (const setting *row = table; row < table + rows; row++) {
        char name[SETTINGS_TEXT], value[SETTINGS_TEXT];
        /* ranks may differ in these: the result does not depend on them */
        if (strcmp(row->name, "threads") == 0 || strcmp(row->name, "isa") == 0) continue;
        snprintf(name, sizeof name, "--%s", row->name);
        settings_value(cfg, row, value);
        options_add_pair(out, name, value);
    }
}

/* The names and their order depend on the pairs before them alone. */
static text_buffer describe(const app *a)
{
    static const char *const asked[] = {[ASK_NOTHING] = "none",
                                        [ASK_OVERVIEW] = "the overview",
                                        [ASK_HELP] = "that of the command",
                                        [ASK_USAGE] = "the usage",
                                        [ASK_VERSION] = "the version"};
    text_buffer out = {0};
    const options *o = &a->o;
    char text[33];
    options_add_pair(&out, "the version of mnist_dist", MNIST_DIST_VERSION);
    program_digest(text);
    options_add_pair(&out, "the digest of the program's file", text);
    options_add_pair(&out, "the command", o->command->name);
    options_add_pair(&out, "the help that is asked for", asked[o->ask]);
    snprintf(text, sizeof text, "%d", o->operands);
    options_add_pair(&out, "the number of operands", text);
    for (int i = 0; i < o->operands; i++) options_add_pair(&out, "the operand", o->operand[i]);
    options_add_rows(o, &out);
    add_settings(&o->cfg, &out);
    const char *size = getenv("MNIST_DIST_GROUP_SIZE");
    options_add_pair(&out, "MNIST_DIST_GROUP_SIZE", size ? size : "");
    return out;
}

/* ---- the comparison ---- */

static const char *behind(const char *text)
{
    return text + strlen(text) + 1;
}

/* own, first: pairs of this rank and of rank 0, which runs on `host`. */
static status compare(const text_buffer *own, const text_buffer *first, const char *host,
                      failure *why)
{
    const char *here = own->text, *there = first->text;
    while (there < first->text + first->length && here < own->text + own->length) {
        const char *value = behind(here), *other = behind(there);
        if (strcmp(value, other) != 0)
            return fail(why, STATUS_USAGE,
                        "%.64s is %.*s here, but %.*s on rank 0 (on %.64s): all ranks need the "
                        "same",
                        here, SHOWN, value[0] ? value : "not set", SHOWN,
                        other[0] ? other : "not set", host);
        here = behind(value);
        there = behind(other);
    }
    return STATUS_OK;
}

/* Rank 0's pairs go to all ranks only if they are not the same everywhere. */
static status find_difference(comm *c, const text_buffer *own, failure *why)
{
    char host[65] = "";
    uint64_t length = own->length;
    gethostname(host, sizeof host - 1);
    comm_broadcast(c, host, sizeof host);
    comm_broadcast(c, &length, sizeof length);
    text_buffer first = {.text = memory_take(length + 1), .length = length};
    if (comm_get_layout(c)->rank == 0) memcpy(first.text, own->text, length);
    comm_broadcast(c, first.text, length);
    status code = compare(own, &first, host, why);
    text_buffer_free(&first);
    return comm_agree(c, code, why);
}

status agree_to_begin(const app *a, comm *c, status own, failure *why)
{
    status code = comm_agree(c, own, why);
    if (code) return code;
    text_buffer pairs = describe(a);
    uint64_t hash = XXH3_64bits(pairs.text, pairs.length), first = hash;
    comm_broadcast(c, &first, sizeof first);
    int64_t others = hash != first;
    comm_sum(c, &others, 1);
    if (others > 0) code = find_difference(c, &pairs, why);
    text_buffer_free(&pairs);
    return code;
}
