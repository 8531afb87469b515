/* app/verify.c - the command verify: do two runs or checkpoints hold the same bits? */
#include <stdio.h>

#include "app/app.h"
#include "app/print.h"
#include "app/weights.h"
#include "base/text.h"
#include "io/difference.h"

/* One role of both sides; what differs is printed at once. */
static status compare_files(const app *a, checkpoint_role role, differences *total, message *why)
{
    weights left, right = {0};
    differences d = {0};
    status code = weights_open(a->o.operand, role, &left, why);
    if (!code) code = weights_open(a->o.more[0], role, &right, why);
    if (!code && left.note.text[0]) print_note(left.note.text);
    if (!code && right.note.text[0]) print_note(right.note.text);
    if (!code) code = difference_of_checkpoints(left.file, right.file, &d, why);
    if (!code && d.found) printf("%s and %s\n%s", left.path, right.path, d.lines.text);
    weights_close(&left);
    weights_close(&right);
    differences_free(&d);
    total->found += d.found;
    total->tensors += d.tensors;
    total->values += d.values;
    return code;
}

/* Both are folders with a record; where one has none, there is nothing to compare. */
static status compare_steps(const app *a, differences *total, message *why)
{
    char left[FILE_PATH], right[FILE_PATH];
    differences d = {0};
    if (!file_is_folder(a->o.operand) || !file_is_folder(a->o.more[0])) return STATUS_OK;
    status code = file_join(a->o.operand, "metrics.jsonl", left, why);
    if (!code) code = file_join(a->o.more[0], "metrics.jsonl", right, why);
    if (code || !file_exists(left) || !file_exists(right)) return code;
    code = difference_of_records(left, right, &d, why);
    if (!code && d.found) printf("%s and %s\n%s", left, right, d.lines.text);
    differences_free(&d);
    total->found += d.found;
    total->records += d.records;
    return code;
}

static status compare_all(const app *a, differences *total, message *why)
{
    const options *o = &a->o;
    int folders = file_is_folder(o->operand) || file_is_folder(o->more[0]);
    status code = compare_steps(a, total, why);
    if (!code && (!o->which_given || o->which == CHECKPOINT_LAST))
        code = compare_files(a, CHECKPOINT_LAST, total, why);
    int also = o->which_given ? o->which == CHECKPOINT_BEST : folders;
    return code || !also ? code : compare_files(a, CHECKPOINT_BEST, total, why);
}

status verify_command(app *a, message *why)
{
    differences total = {0};
    if (a->o.more_count != 1)
        return fail(why, STATUS_USAGE,
                    "verify takes two operands: run directories, checkpoints or Keras weights "
                    "files");
    status code = compare_all(a, &total, why);
    if (code) return code;
    if (total.found)
        return fail(why, STATUS_DIFFERS, "%.400s and %.400s differ", a->o.operand, a->o.more[0]);
    printf("same bits: %s and %s (%s values in %s tensors", a->o.operand, a->o.more[0],
           text_thousands(total.values).text, text_thousands(total.tensors).text);
    if (total.records) printf(", %s records", text_thousands(total.records).text);
    printf(")\n");
    return STATUS_OK;
}
