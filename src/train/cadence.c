/* train/cadence.c - how often a checkpoint is written. */
#include "train/cadence.h"

#include <string.h>

#include "base/text.h"
#include "base/words.h"

/* 1 if the text is a count of epochs or steps. */
static int is_length(const char *text, words_length *length)
{
    words w;
    return !words_cut(&w, "checkpoint-every", text, strlen(text), NULL) &&
           !words_take_length(&w, 0, length, NULL) && !words_end(&w, "", NULL);
}

status cadence_parse(const char *text, cadence *c, failure *why)
{
    words_length length;
    *c = (cadence){.unit = CADENCE_TIME};
    if (is_length(text, &length)) {
        c->unit = length.unit == WORDS_STEPS ? CADENCE_STEPS : CADENCE_EPOCHS;
        c->count = length.count;
        return STATUS_OK;
    }
    if (text_to_duration(text, &c->seconds) && c->seconds > 0) return STATUS_OK;
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
