/* unit/layer_kinds.c - every row of a kind of layer is whole: what a row lacks would show only where that layer is used. */
#include "layer_rows.h"

static const layer_operand *operands_of(const layer_type *type)
{
    static const layer_operand none = {.sort = OPERAND_END};
    return type->operands ? type->operands : &none;
}

static void words_are_known_once(void **state)
{
    (void)state;
    const layer_type *type;
    for (int i = 0; (type = layer_kind(i)) != NULL; i++) {
        CASE("kind %d", i);
        assert_non_null(type->word);
        assert_ptr_equal(layer_kind_find(type->word), type);
        assert_non_null(type->plan);
        if (type->act == ACTIVATION_NONE) continue;
        assert_ptr_equal(layer_kind_activation(type->act), type);
    }
    assert_null(layer_kind(-1));
    assert_null(layer_kind_find("batchnorm"));
    assert_null(layer_kind_activation(ACTIVATION_NONE));
}

/* 1 if two members of layer_cfg may not both be set by the operands of a kind: they are the same. */
static int shares_field(const layer_type *type, const layer_operand *operand)
{
    for (const layer_operand *o = operands_of(type); o < operand; o++)
        if (o->field == operand->field && o->sort != OPERAND_ACTIVATION) return 1;
    return 0;
}

static void operands_are_whole(void **state)
{
    (void)state;
    const layer_type *type;
    for (int i = 0; (type = layer_kind(i)) != NULL; i++)
        for (const layer_operand *o = operands_of(type); o->sort != OPERAND_END; o++) {
            CASE("%s, operand %d", type->word, (int)(o - type->operands));
            if (o->sort == OPERAND_ACTIVATION) {
                assert_non_null(o->form);
                assert_int_equal(o[1].sort, OPERAND_END); /* as spec_format writes it */
                continue;
            }
            assert_true(o->field > 0 && o->field < sizeof(layer_cfg) &&
                        o->like < sizeof(layer_cfg));
            assert_false(shares_field(type, o));
            if (o->sort == OPERAND_FLAG) {
                assert_non_null(o->word);
                continue;
            }
            if (o->sort == OPERAND_FUNCTION) {
                assert_true(o->form && o->name && o->word);
                continue;
            }
            assert_true(o->form && o->name && o->least < o->most);
            if (o->optional && !o->like)
                assert_true(o->otherwise >= o->least && o->otherwise <= o->most);
        }
}

/* Every operand is a field of Keras' configuration: Keras would build another layer without it. */
static void keras_has_every_operand(void **state)
{
    (void)state;
    const layer_type *type;
    for (int i = 0; (type = layer_kind(i)) != NULL; i++) {
        CASE("%s", type->word);
        assert_true(type->keras_class && type->keras_stem && type->keras);
        for (const layer_operand *o = operands_of(type); o->sort != OPERAND_END; o++) {
            int is_act = o->sort == OPERAND_ACTIVATION, found = 0;
            for (const keras_field *f = type->keras; f->key; f++)
                found |= is_act ? f->sort == KERAS_ACTIVATION : f->field == o->field;
            assert_true(found);
        }
        for (const keras_field *f = type->keras; f->key; f++) {
            assert_true(f->field < sizeof(layer_cfg));
            assert_int_equal(f->sort == KERAS_FIXED_TEXT, f->text != NULL);
        }
    }
}

/* Fastest first, and the last one takes every layer of its kind. */
static void stages_are_whole(void **state)
{
    (void)state;
    const layer_type *type;
    for (int i = 0; (type = layer_kind(i)) != NULL; i++) {
        CASE("%s", type->word);
        for (const stage_type *const *s = type->stages; s && *s; s++) {
            int by_sample = (*s)->split == STAGE_BY_SAMPLE;
            assert_true((*s)->name && (*s)->forward);
            assert_int_equal((*s)->backward_leaf != NULL, by_sample);
            assert_int_equal((*s)->backward_tile != NULL, !by_sample);
            if (s[1]) assert_non_null((*s)->takes);
        }
    }
}

/* The tables of tests/layer_rows.h have a row for each kind, in the list's order. */
static void every_kind_has_a_row_in_the_tests(void **state)
{
    (void)state;
    for (int i = 0; i < LAYER_ROWS; i++) {
        const layer_type *type = layer_kind(i);
        CASE("row %d, '%s'", i, layer_rows[i].word);
        assert_non_null(type);
        assert_string_equal(layer_rows[i].word, type->word);
        assert_non_null(strstr(layer_rows[i].model, type->word));
    }
    if (layer_kind(LAYER_ROWS)) print_error("%s has no row\n", layer_kind(LAYER_ROWS)->word);
    assert_null(layer_kind(LAYER_ROWS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_known_once),
        cmocka_unit_test(operands_are_whole),
        cmocka_unit_test(keras_has_every_operand),
        cmocka_unit_test(stages_are_whole),
        cmocka_unit_test(every_kind_has_a_row_in_the_tests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
