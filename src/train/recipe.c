/* train/recipe.c - the table of recipes. */
#include "train/recipe.h"

#include <string.h>

#include "base/text.h"

enum { MOST_SETTINGS = 8 };

static const struct recipe {
    const char *name;
    const char *set[MOST_SETTINGS][2];
} recipes[] = {
    {"fast99",
     {{"model", "cnn"},
      {"optimizer", "adam"},
      {"epochs", "2"},
      {"batch-size", "128"},
      {"learning-rate", "0.005"},
      {"schedule", "one-cycle"},
      {"validation-split", "0"}}},
};
enum { RECIPES = sizeof recipes / sizeof recipes[0] };

status recipe_apply(const char *name, settings *s, message *why)
{
    const char *names[RECIPES];
    for (int r = 0; r < RECIPES; r++) {
        names[r] = recipes[r].name;
        if (strcmp(name, names[r]) != 0) continue;
        status code = STATUS_OK;
        for (int i = 0; i < MOST_SETTINGS && recipes[r].set[i][0] && !code; i++)
            code = settings_set(s, recipes[r].set[i][0], recipes[r].set[i][1], why);
        return code;
    }
    const char *near = text_nearest(name, names, RECIPES);
    return fail(why, STATUS_USAGE, "--recipe=%s: unknown%s%s%s known are fast99", name,
                near ? "; did you mean '" : "", near ? near : "", near ? "'?" : ";");
}
