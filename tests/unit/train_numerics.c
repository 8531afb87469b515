/* unit/train_numerics.c - the table of digests: complete, well formed, and its settings are accepted. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "layer/kind.h"
#include "model/presets.h"
#include "optim/schedule.h"
#include "train/numerics.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

static void each_row_is_whole(void **state)
{
    (void)state;
    const numerics_row *row, *other;
    for (int i = 0; (row = numerics_table(i)); i++) {
        settings cfg;
        failure why = {""};
        if (numerics_settings(row, "auto", &cfg, &why)) fail_msg("%s: %s", row->name, why.text);
        assert_int_equal(strlen(row->digest), 32);
        for (const char *c = row->digest; *c; c++)
            assert_true(isdigit((unsigned char)*c) || (*c >= 'a' && *c <= 'f'));
        for (int j = 0; j < i && (other = numerics_table(j)); j++)
            assert_string_not_equal(row->name, other->name);
        assert_int_equal(cfg.max_steps, strstr(row->name, "-begins") ? 4 : 40);
    }
    assert_null(numerics_table(-1));
}

/* 1 if some training has a setting that begins with `text`, followed by its end, a blank or a semicolon. */
static int has(const char *name, const char *value)
{
    const numerics_row *row;
    char text[128];
    snprintf(text, sizeof text, "%s=%s", name, value);
    size_t length = strlen(text);
    for (int i = 0; (row = numerics_table(i)); i++)
        for (int k = 0; row->setting[k]; k++)
            if (strncmp(row->setting[k], text, length) == 0 &&
                (!row->setting[k][length] || row->setting[k][length] == ' '))
                return 1;
    return 0;
}

/* 1 if some training's model is a chain, or a preset, with this word of a layer. */
static int has_layer(const char *word)
{
    const numerics_row *row;
    for (int i = 0; (row = numerics_table(i)); i++) {
        settings cfg;
        failure why;
        char plain[SETTINGS_TEXT], chain[SETTINGS_TEXT + 4], wanted[64];
        assert_int_equal(numerics_settings(row, "auto", &cfg, &why), STATUS_OK);
        if (!presets_chain(cfg.model, 10, plain, sizeof plain))
            snprintf(plain, sizeof plain, "%s", cfg.model);
        snprintf(chain, sizeof chain, "; %s;", plain);
        for (const char *end = " ;"; *end; end++) {
            snprintf(wanted, sizeof wanted, "; %s%c", word, *end);
            if (strstr(chain, wanted)) return 1;
        }
    }
    return 0;
}

static void each_name_has_a_training(void **state)
{
    (void)state;
    const char *name;
    const layer_type *kind;
    for (int i = 0; (name = presets_name(i)); i++)
        if (!has("model", name)) fail_msg("no training of the preset %s", name);
    for (int i = 0; (name = optimizer_name(i)); i++)
        if (!has("optimizer", name)) fail_msg("no training with the optimizer %s", name);
    for (int i = 0; (name = schedule_name(i)); i++)
        if (strcmp(name, "constant") != 0 && !has("schedule", name))
            fail_msg("no training with the schedule %s", name);
    for (int i = 0; (kind = layer_kind(i)); i++)
        if (!has_layer(kind->word)) fail_msg("no chain with the layer %s", kind->word);
    assert_false(has("optimizer", "ada"));
    assert_false(has_layer("den"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_is_whole),
        cmocka_unit_test(each_name_has_a_training),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
