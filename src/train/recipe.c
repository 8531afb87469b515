/* train/recipe.c - the table of recipes. */
#include "train/recipe.h"

#include "base/text.h"

enum { MOST_SETTINGS = 10 };

static const struct recipe {
    const char *name, *about;
    const char *set[MOST_SETTINGS][2];
} recipes[] = {
    {"fast99",
     "the CNN to 99 % test accuracy on MNIST in the fewest seconds",
     {{"model", "cnn"},
      {"optimizer", "adam"},
      {"epochs", "1"},
      {"batch-size", "64"},
      {"limit", "42000"},
      {"learning-rate", "0.007"},
      {"beta2", "0.99"},
      {"schedule", "one-cycle 0.2 10 1e4"},
      {"label-smoothing", "0.1"},
      {"validation-split", "0"}}},
    {"fast995",
     "the CNN to 99.5 % test accuracy on MNIST in the fewest seconds",
     {{"model", "cnn"},
      {"optimizer", "adam"},
      {"epochs", "3"},
      {"batch-size", "64"},
      {"learning-rate", "0.004"},
      {"beta2", "0.99"},
      {"schedule", "one-cycle 0.2 10 1e4"},
      {"augment", "shift 1; rotate 10; scale 0.1"},
      {"label-smoothing", "0.1"},
      {"validation-split", "0"}}},
};
enum { RECIPES = sizeof recipes / sizeof recipes[0] };

const char *recipe_name(int index)
{
    return index < RECIPES ? recipes[index].name : NULL;
}

const char *recipe_about(int index)
{
    return recipes[index].about;
}

status recipe_apply(const char *name, settings *s, failure *why)
{
    const char *names[RECIPES];
    status code = STATUS_OK;
    for (int r = 0; r < RECIPES; r++) names[r] = recipes[r].name;
    int r = text_index(name, names, RECIPES);
    if (r < 0)
        return fail(why, STATUS_USAGE, "--recipe=%s: unknown%s", name,
                    text_suggest(name, names, RECIPES).text);
    for (int i = 0; i < MOST_SETTINGS && recipes[r].set[i][0] && !code; i++)
        code = settings_set(s, recipes[r].set[i][0], recipes[r].set[i][1], why);
    return code;
}
