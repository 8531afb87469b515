/* unit/optim_schedule.c - schedules worked out by hand at their edges; what is no schedule is refused in words. */
#include "check.h"

#include "optim/schedule.h"

enum { STEPS = 10, EPOCHS = 10, TOTAL = STEPS * EPOCHS };

static schedule parsed(const char *spec, const char *warmup)
{
    schedule s;
    failure why = {.text = ""};
    if (schedule_parse(spec, warmup, &s, &why)) print_error("%s\n", why.text);
    assert_string_equal(why.text, "");
    return s;
}

static double factor_after(const schedule *s, int64_t step, int64_t reductions)
{
    return schedule_factor(s, (schedule_place){step, STEPS, EPOCHS, reductions});
}

static void values(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *warmup;
        int64_t step;
        double want;
    } cases[] = {
        {"constant", "0", 0, 1},
        {"constant", "0", 99, 1},
        {"constant", "4steps", 0, 0.25},
        {"constant", "4steps", 3, 1},
        {"constant", "4steps", 4, 1},
        {"constant", "1", 0, 0.1},
        {"constant", "1epoch", 9, 1},
        {"step", "0", 9, 1},
        {"step", "0", 10, 0.5},
        {"step 2 0.1", "0", 19, 1},
        {"step 2 0.1", "0", 20, 0.1},
        {"step 2 epochs 0.1", "0", 40, 0.01},
        {"step 7steps 0.5", "0", 6, 1},
        {"step 7steps 0.5", "0", 7, 0.5},
        {"step 7 steps 0.5", "14steps", 7, 0.5 * 8 / 14},
        {"cosine", "0", 0, 1},
        {"cosine", "0", 50, 0.5},
        {"cosine", "0", 100, 0},
        {"cosine", "0", 25, 0.85355339059327376}, /* (1 + 1/sqrt 2) / 2 */
        {"cosine 0.2", "0", 50, 0.6},
        {"cosine 0.2", "0", 100, 0.2},
        {"cosine", "20steps", 0, 0.05},
        {"cosine", "20steps", 20, 1},
        {"cosine", "2epochs", 60, 0.5},
        {"cosine 1", "0", 77, 1},
        {"linear", "0", 0, 1},
        {"linear", "0", 25, 0.75},
        {"linear 0.5", "0", 50, 0.75},
        {"linear 0.5", "0", 100, 0.5},
        {"linear", "20", 5, 6.0 / 200}, /* a warm-up longer than the run */
        {"one-cycle", "0", 0, 0.04},
        {"one-cycle", "0", 29, 1}, /* 0.3 * 100 - 1 */
        {"one-cycle", "0", 99, 0.04e-4},
        {"one-cycle 0.51 2 10", "0", 25, 0.75}, /* half way up to step 50 */
        {"one-cycle 0.51 2 10", "0", 50, 1},
        {"one-cycle 0.51 2 10", "0", 99, 0.05},
        {"plateau", "0", 99, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        schedule s = parsed(cases[i].spec, cases[i].warmup);
        CASE("'%s' warm-up %s step %d", cases[i].spec, cases[i].warmup, (int)cases[i].step);
        NEAR(factor_after(&s, cases[i].step, 0), cases[i].want, 1e-15);
    }
}

/* From the first to the last step a rate is above 0, at most 1, and changes by little. */
static void no_jumps(void **state)
{
    (void)state;
    static const char *const specs[] = {"cosine", "cosine 0.1", "linear", "one-cycle",
                                        "one-cycle 0.9 3 7"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
        for (int warm = 0; warm < 2; warm++) {
            if (warm && i >= 3) continue;
            schedule s = parsed(specs[i], warm ? "30steps" : "0");
            double before = factor_after(&s, 0, 0);
            for (int64_t step = 0; step < TOTAL; step++) {
                double now = factor_after(&s, step, 0);
                CASE("%s warm-up %d step %d", specs[i], warm, (int)step);
                assert_true(now > 0 && now <= 1);
                NEAR(now, before, 0.16);
                before = now;
            }
        }
}

/* A run of one step, and of none that the peak could lie in. */
static void tiny_runs(void **state)
{
    (void)state;
    for (int i = 0; schedule_name(i); i++)
        for (int64_t steps = 1; steps <= 3; steps++)
            for (int64_t step = 0; step < steps; step++) {
                schedule s = parsed(schedule_name(i), "0");
                double factor = schedule_factor(&s, (schedule_place){step, steps, 1, 0});
                CASE("%s %d of %d", schedule_name(i), (int)step, (int)steps);
                assert_true(factor > 0 && factor <= 1);
            }
}

/* Patience 2, factor 1/2: two epochs that are not better by more than 1e-4 halve the rate, and counting begins again. */
static void plateaus(void **state)
{
    (void)state;
    static const struct {
        double loss;
        int64_t wait, reductions;
    } epochs[] = {
        {1, 0, 0},       {0.9, 0, 0},    {0.95, 1, 0}, {0.8999, 0, 1} /* not by more than 1e-4 */,
        {0.91, 1, 1},    {0.5, 0, 1},    {0.5, 1, 1},  {0.6, 0, 2},
        {0.49995, 1, 2}, {0.4998, 0, 2}, {NAN, 1, 2},  {0.6, 0, 3}};
    schedule s = parsed("plateau 2 0.5", "0"), other = parsed("constant", "0");
    plateau p = plateau_begin(), none = plateau_begin();
    for (size_t i = 0; i < sizeof epochs / sizeof *epochs; i++) {
        CASE("epoch %zu", i + 1);
        plateau_see(&p, &s, epochs[i].loss);
        plateau_see(&none, &other, epochs[i].loss);
        assert_int_equal(p.wait, epochs[i].wait);
        assert_int_equal(p.reductions, epochs[i].reductions);
    }
    NEAR(factor_after(&s, 7, p.reductions), 0.125, 0);
    assert_int_equal(none.reductions, 0);
    schedule defaults = parsed("plateau", "0");
    assert_int_equal(defaults.patience, 10);
    assert_true(defaults.factor == 0.1);
}

static void which_span_all_epochs(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        int spans;
    } cases[] = {{"constant", 0}, {"step", 0},      {"cosine", 1},
                 {"linear", 1},   {"one-cycle", 1}, {"plateau", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        schedule s = parsed(cases[i].spec, "0");
        assert_int_equal(schedule_spans_all(&s), cases[i].spans);
    }
}

/* ---- rows ---- */

static int words_in(const char *text)
{
    int count = 0;
    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        text += strcspn(text, " ");
        count++;
    }
    return count;
}

/* What is wrong with a row, or NULL. */
static const char *defect(const schedule_type *row)
{
    int parameters = 0;
    while (parameters < SCHEDULE_MAX_PARAMETERS && row->take[parameters]) parameters++;
    if (!row->name || !row->name[0] || !row->help || !row->help[0]) return "no name or help";
    if (strncmp(row->form, row->name, strlen(row->name)) != 0) return "a form of another name";
    if (words_in(row->form) != 1 + parameters) return "a form of other parameters";
    if (words_in(row->defaults) != parameters) return "defaults of other parameters";
    return row->factor ? NULL : "no factor";
}

/* Every row is complete, is found by its name, and its defaults are what it is without parameters. */
static void each_row_is_complete(void **state)
{
    (void)state;
    const schedule_type *row;
    int i = 0;
    for (; (row = schedule_row(i)); i++) {
        char spec[128];
        CASE("row %d", i);
        if (defect(row)) print_error("%s\n", defect(row));
        assert_null(defect(row));
        assert_string_equal(schedule_name(i), row->name);
        snprintf(spec, sizeof spec, "%s %s", row->name, row->defaults);
        schedule bare = parsed(row->name, "0"), full = parsed(spec, "0");
        assert_ptr_equal(bare.type, row);
        assert_ptr_equal(full.type, row);
        for (int64_t step = 0; step < TOTAL; step++)
            assert_true(factor_after(&bare, step, 1) == factor_after(&full, step, 1));
    }
    assert_true(i > 0);
    assert_null(schedule_name(i));
}

static void incomplete_rows_are_seen(void **state)
{
    (void)state;
    schedule_type bad[6];
    for (int i = 0; i < 6; i++) bad[i] = *schedule_row(1);
    assert_null(defect(&bad[0]));
    bad[0].name = "";
    bad[1].help = NULL;
    bad[2].form = "linear LENGTH FACTOR";
    bad[3].form = "step LENGTH";
    bad[4].defaults = "1epochs";
    bad[5].factor = NULL;
    for (int i = 0; i < 6; i++) {
        CASE("bad row %d", i);
        assert_non_null(defect(&bad[i]));
    }
}

static void refused_words(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *warmup, *words;
    } cases[] = {
        {"cosin", "0",
         "--schedule='cosin': word 1, 'cosin': unknown; did you mean 'cosine'? Known are constant, "
         "step, cosine, linear, one-cycle, plateau"},
        {"cosine; 0.1", "0", "word 1, 'cosine;': unknown; did you mean 'cosine'?"},
        {"", "0", "--schedule='': word 1, '': unknown; known are constant"},
        {"constant 3", "0",
         "--schedule='constant 3': word 2, '3': one word too many; the form is constant"},
        {"cosine 1.5", "0", "--schedule='cosine 1.5': word 2, '1.5': must be a number from 0 to 1"},
        {"cosine 0.1 0.1", "0", "word 3, '0.1': one word too many; the form is cosine END"},
        {"linear x", "0", "word 2, 'x': must be a number from 0 to 1"},
        {"step 0", "0", "word 2, '0': must be a length above 0: 2, 2epochs or 500steps"},
        {"step 1.5", "0", "word 2, '1.5': must be a length above 0"},
        {"step 2weeks", "0", "word 2, '2weeks'"},
        {"step -1", "0", "word 2, '-1'"},
        {"step epochs 0.5", "0", "word 2, 'epochs'"},
        {"step 2 epochs 1", "0", "word 4, '1': must be a number above 0 and below 1"},
        {"step 99999999999steps", "0", "word 2"},
        {"one-cycle 0", "0", "word 2, '0': must be a number above 0 and below 1"},
        {"one-cycle 0.3 0.5", "0",
         "word 3, '0.5': must be a divisor of the learning rate: 1 or more"},
        {"one-cycle 0.3 25 0", "0", "word 4, '0': must be a divisor"},
        {"plateau 0", "0", "word 2, '0': must be a whole number of epochs, 1 or more"},
        {"plateau 1.5", "0", "word 2, '1.5': must be a whole number of epochs, 1 or more"},
        {"plateau 3 2", "0", "word 3, '2': must be a number above 0 and below 1"},
        {"step 1 2 3 4 5 6 7 8 9 10 11 12", "0", "too long at word 13"},
        {"constant", "", "--warmup='': word 1, '': must be a length: 2, 2epochs or 500steps"},
        {"constant", "x", "--warmup='x': word 1, 'x': must be a length: 2, 2epochs or 500steps"},
        {"constant", "2 epochs more",
         "--warmup='2 epochs more': word 3, 'more': one word too many"},
        {"one-cycle", "2", "--warmup=2: one-cycle warms up by itself: leave it out"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        schedule s;
        failure why = {.text = ""};
        CASE("'%s' warm-up '%s'", cases[i].spec, cases[i].warmup);
        assert_int_equal(schedule_parse(cases[i].spec, cases[i].warmup, &s, &why), STATUS_USAGE);
        if (!strstr(why.text, cases[i].words))
            print_error("'%s' lacks '%s'\n", why.text, cases[i].words);
        assert_non_null(strstr(why.text, cases[i].words));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(no_jumps),
        cmocka_unit_test(tiny_runs),
        cmocka_unit_test(plateaus),
        cmocka_unit_test(which_span_all_epochs),
        cmocka_unit_test(each_row_is_complete),
        cmocka_unit_test(incomplete_rows_are_seen),
        cmocka_unit_test(refused_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
