/* train/cadence.c - how often a checkpoint is written. */
#include "train/cadence.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static int is_word(const char *word, const char *singular)
{
    size_t length = strlen(singular);
    return strncmp(word, singular, length) == 0 &&
           (word[length] == 0 || strcmp(word + length, "s") == 0);
}

status cadence_parse(const char *text, cadence *c, message *why)
{
    char digits[12];
    size_t length = strspn(text, "0123456789");
    const char *unit = text + length + (text[length] == ' ');
    *c = (cadence){.unit = is_word(unit, "step") ? CADENCE_STEPS : CADENCE_EPOCHS};
    snprintf(digits, sizeof digits, "%.*s", (int)(length < 11 ? length : 11), text);
    int counted = !text[length] || is_word(unit, "epoch") || is_word(unit, "step");
    if (counted && text_to_int(digits, &c->count) && c->count <= INT32_MAX) return STATUS_OK;
    c->unit = CADENCE_TIME;
    if (!counted && text_to_duration(text, &c->seconds) && c->seconds > 0) return STATUS_OK;
    return fail(why, STATUS_USAGE,
                "--checkpoint-every=%.80s: must be a length: 2, 2epochs, 500steps or 10min; 0: "
                "only at the end",
                text);
}

int cadence_counts(const cadence *c, int64_t steps, int epochs)
{
    if (c->count == 0 || c->unit == CADENCE_TIME) return 0;
    if (c->unit == CADENCE_STEPS) return steps % c->count == 0;
    return epochs > 0 && epochs % c->count == 0;
}

int cadence_times(const cadence *c, double seconds)
{
    return c->unit == CADENCE_TIME && seconds >= c->seconds;
}
