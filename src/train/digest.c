/* train/digest.c - one text that stands for all bits of a model's parameters. */
#include "train/digest.h"

#define XXH_INLINE_ALL /* the state is on the stack, so it must be of the version that is compiled */
#include <xxhash.h>

#include <stdio.h>

#include "base/text.h"

typedef struct digest {
    XXH3_state_t hash;
    const float *parameters;
} digest;

static void add_tensor(void *context, const layer *l, const layer_tensor *t)
{
    (void)l;
    digest *d = context;
    XXH3_128bits_update(&d->hash, d->parameters + t->at.offset, t->at.length * sizeof(float));
}

void digest_parameters(const model *m, const float *parameters, char hex[33])
{
    digest d = {.parameters = parameters};
    XXH128_canonical_t canonical;
    XXH3_128bits_reset(&d.hash);
    model_each_tensor(m, add_tensor, &d);
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&d.hash));
    text_hex(canonical.digest, sizeof canonical.digest, hex);
}

/* ---- tensor by tensor ---- */

typedef struct digesting {
    const float *slab;
    tensor_digest *out;
    int next;
} digesting;

static void digest_tensor(void *context, const layer *l, const layer_tensor *t)
{
    (void)l;
    digesting *d = context;
    XXH128_hash_t hash = XXH3_128bits(d->slab + t->at.offset, t->at.length * sizeof(float));
    d->out[d->next++] = (tensor_digest){hash.low64, hash.high64};
}

int digest_tensors(const model *m, const float *slab, tensor_digest out[DIGEST_TENSORS])
{
    digesting d = {slab, out, 0};
    model_each_tensor(m, digest_tensor, &d);
    return d.next;
}

static void name_tensor(void *context, const layer *l, const layer_tensor *t)
{
    tensor_name *n = context;
    if (n->number-- == 0) snprintf(n->text, sizeof n->text, "%s/%s", l->name, t->name);
}

tensor_name digest_tensor_name(const model *m, int number)
{
    tensor_name n = {number, ""};
    model_each_tensor(m, name_tensor, &n);
    return n;
}
