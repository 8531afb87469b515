/* prop/optim_norms.c - a norm has the same bits however its blocks are divided among ranks, in any order, on any instruction
 * set. */
#include "check.h"

#include "optim/norm.h"
#include "reference/values.h"

enum { TENSORS = 6, MOST_BLOCKS = 32, SLAB = 1 << 15 };

static const int lengths[TENSORS] = {1, 16, 1023, 1024, 1025, 20000};

/* The tensors in a slab, each from a multiple of 16 on; gaps hold NaN, which no norm must see. */
typedef struct tensors {
    float slab[SLAB];
    int blocks, start[TENSORS + 1];
    norm_block block[MOST_BLOCKS];
} tensors;

static void lay_out(tensors *t)
{
    size_t at = 0;
    t->blocks = 0;
    canaries(t->slab, SLAB);
    for (int i = 0; i < TENSORS; i++) {
        t->start[i] = t->blocks;
        assert_int_equal(norm_cut(at, (size_t)lengths[i], i, NULL), (lengths[i] + 1023) / 1024);
        t->blocks += norm_cut(at, (size_t)lengths[i], i, t->block + t->blocks);
        values_fill(t->slab + at, (size_t)lengths[i], (uint64_t)i);
        at += (size_t)(lengths[i] + 15) / 16 * 16;
    }
    t->start[TENSORS] = t->blocks;
    assert_true(t->blocks <= MOST_BLOCKS && at <= SLAB);
}

static void blocks_cover_each_tensor(void **state)
{
    (void)state;
    static tensors t;
    lay_out(&t);
    for (int i = 0; i < TENSORS; i++) {
        int length = 0;
        for (int b = t.start[i]; b < t.start[i + 1]; b++) {
            assert_int_equal(t.block[b].tensor, i);
            assert_int_equal(t.block[b].offset, t.block[t.start[i]].offset + (size_t)length);
            assert_true(t.block[b].length == NORM_BLOCK || b == t.start[i + 1] - 1);
            length += t.block[b].length;
        }
        assert_int_equal(length, lengths[i]);
    }
}

static void near_the_plain_norm(void **state)
{
    (void)state;
    static tensors t;
    double squares[MOST_BLOCKS], whole = 0;
    const kernels *tables[3];
    kernels_available(tables);
    lay_out(&t);
    for (int b = 0; b < t.blocks; b++)
        squares[b] = norm_squares(tables[0], &t.block[b], t.slab + t.block[b].offset);
    for (int i = 0; i < TENSORS; i++) {
        double plain = 0;
        for (int j = 0; j < lengths[i]; j++) {
            double x = (double)t.slab[t.block[t.start[i]].offset + (size_t)j];
            plain += x * x;
        }
        CASE("tensor of %d", lengths[i]);
        NEAR(norm_of(squares, t.start[i], t.start[i + 1]), sqrt(plain),
             lengths[i] * 0x1p-53 * sqrt(plain));
        whole += plain;
    }
    NEAR(norm_of(squares, 0, t.blocks), sqrt(whole), 23000 * 0x1p-53 * sqrt(whole));
}

/* Owners take runs of blocks, from copies at places of their own, in an order of their own. */
static void any_split_has_the_same_bits(void **state)
{
    (void)state;
    static tensors t;
    static float copy[SLAB + 16];
    const kernels *tables[3];
    int count = kernels_available(tables);
    double whole[MOST_BLOCKS];
    lay_out(&t);
    for (int b = 0; b < t.blocks; b++)
        whole[b] = norm_squares(tables[0], &t.block[b], t.slab + t.block[b].offset);
    for (int k = 0; k < count; k++)
        for (int owners = 1; owners <= 9; owners++) {
            double squares[MOST_BLOCKS] = {0};
            for (int owner = owners - 1; owner >= 0; owner--) {
                int lo = t.blocks * owner / owners, hi = t.blocks * (owner + 1) / owners;
                for (int b = hi - 1; b >= lo; b--) {
                    float *own = copy + owner % 16;
                    memcpy(own, t.slab + t.block[b].offset,
                           (size_t)t.block[b].length * sizeof *own);
                    squares[b] = norm_squares(tables[k], &t.block[b], own);
                }
            }
            CASE("%s %d owners", tables[k]->name, owners);
            assert_memory_equal(squares, whole, (size_t)t.blocks * sizeof *whole);
            assert_true(norm_of(squares, 0, t.blocks) == norm_of(whole, 0, t.blocks));
        }
}

/* The comparison can fail: other blocks round otherwise. */
static void other_blocks_are_seen(void **state)
{
    (void)state;
    static float x[20000];
    const kernels *tables[3];
    kernels_available(tables);
    int differ = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        double by_1024 = 0, by_1000 = 0;
        values_fill(x, 20000, seed);
        for (size_t at = 0; at < 20000; at += 1024)
            by_1024 += tables[0]->sum_squares(x + at, at + 1024 < 20000 ? 1024 : 20000 - at);
        for (size_t at = 0; at < 20000; at += 1000) by_1000 += tables[0]->sum_squares(x + at, 1000);
        differ += by_1024 != by_1000;
    }
    assert_true(differ > 0);
}

static void clipping(void **state)
{
    (void)state;
    assert_true(norm_clip_factor(4, 1) == 0.25f);
    assert_true(norm_clip_factor(1, 1) == 1.0f);
    assert_true(norm_clip_factor(0.5, 1) == 1.0f);
    assert_true(norm_clip_factor(0, 1) == 1.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_cover_each_tensor),
        cmocka_unit_test(near_the_plain_norm),
        cmocka_unit_test(any_split_has_the_same_bits),
        cmocka_unit_test(other_blocks_are_seen),
        cmocka_unit_test(clipping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
