/* layer_rows.h - a row for each kind of layer (layer_rows.def), and kinds and stages by name, for tests.
 *
 * tests/unit/layer_kinds.c fails where a kind of src/layer/kinds.c has no row. */
#ifndef MNIST_DIST_TESTS_LAYER_ROWS_H
#define MNIST_DIST_TESTS_LAYER_ROWS_H

#include "check.h"
#include "layer/stage.h"

typedef struct layer_row {
    const char *word, *model, *cases;
} layer_row;

#define ROW(word, model, cases) {#word, model, cases},
static const layer_row layer_rows[] = {
#include "layer_rows.def"
};
#undef ROW
enum { LAYER_ROWS = sizeof layer_rows / sizeof *layer_rows };

static inline const layer_type *kind_named(const char *word)
{
    const layer_type *type = layer_kind_find(word);
    if (!type) print_error("no kind of layer is called '%s'\n", word);
    assert_non_null(type);
    return type;
}

/* The stage of a kind by its own name. */
static inline const stage_type *stage_named(const char *word, const char *name)
{
    const stage_type *const *types = kind_named(word)->stages;
    while (types && *types && strcmp((*types)->name, name) != 0) types++;
    if (!types || !*types) print_error("%s has no stage '%s'\n", word, name);
    assert_true(types && *types);
    return *types;
}

#endif
