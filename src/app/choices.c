/* app/choices.c - the settings that were given on the command line. */
#include "app/choices.h"

#include <string.h>

status choices_add(choices *c, const char *name, const char *value, failure *why)
{
    if (c->count == CHOICES_MOST)
        return fail(why, STATUS_USAGE, "more than %d options", CHOICES_MOST);
    c->at[c->count++] = (choice){name, value};
    return STATUS_OK;
}

int choices_given(const choices *c, const char *name)
{
    for (int i = 0; i < c->count; i++)
        if (strcmp(c->at[i].name, name) == 0) return 1;
    return 0;
}

status choices_apply(const choices *c, settings *s, failure *why)
{
    status code = STATUS_OK;
    for (int i = 0; i < c->count && !code; i++)
        code = settings_set(s, c->at[i].name, c->at[i].value, why);
    return code;
}
