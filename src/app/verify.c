/* app/verify.c - the command verify: do two runs or checkpoints hold the same bits? */
#include <stdio.h>

#include "app/app.h"
#include "app/print.h"
#include "app/weights.h"
#include "base/text.h"
#include "io/difference.h"

/* Compares the files of one role, prints the differences, and adds them to *total. */
static status compare_files(const app *a, checkpoint_role role, differences *total, failure *why)
{
    weights left, right = {0};
    differences d = {0};
    status code = weights_open(a->o.operand[0], role, &left, why);
    if (!code) code = weights_open(a->o.operand[1], role, &right, why);
    if (!code && left.note.text[0]) print_note(left.note.text);
    if (!code && right.note.text[0]) print_note(right.note.text);
    if (!code) code = difference_of_checkpoints(left.file, right.file, &d, why);
    if (!code && d.found) print_out("%s and %s\n%s", left.path, right.path, d.lines.text);
    weights_close(&left);
    weights_close(&right);
    differences_free(&d);
    total->found += d.found;
    total->tensors += d.tensors;
    total->values += d.values;
    total->parameters_alone |= d.parameters_alone;
    return code;
}

/* Likewise the records, if both operands are folders that have one. */
static status compare_steps(const app *a, differences *total, failure *why)
{
    char left[FILE_PATH], right[FILE_PATH];
    differences d = {0};
    if (!file_is_folder(a->o.operand[0]) || !file_is_folder(a->o.operand[1])) return STATUS_OK;
    status code = file_join(a->o.operand[0], "metrics.jsonl", left, why);
    if (!code) code = file_join(a->o.operand[1], "metrics.jsonl", right, why);
    if (!code && file_exists(left) != file_exists(right)) {
        print_out("note   only %s is there: the records are not compared\n",
                  file_exists(left) ? left : right);
        return STATUS_OK;
    }
    if (code || !file_exists(left)) return code;
    code = difference_of_records(left, right, &d, why);
    if (!code && d.found) print_out("%s and %s\n%s", left, right, d.lines.text);
    differences_free(&d);
    total->found += d.found;
    total->records += d.records;
    return code;
}

static status compare_all(const app *a, differences *total, failure *why)
{
    const options *o = &a->o;
    int folders = file_is_folder(o->operand[0]) || file_is_folder(o->operand[1]);
    status code = compare_steps(a, total, why);
    if (!code && (o->which != CHECKPOINT_BEST))
        code = compare_files(a, CHECKPOINT_LAST, total, why);
    int also = o->which < 0 ? folders : o->which == CHECKPOINT_BEST;
    return code || !also ? code : compare_files(a, CHECKPOINT_BEST, total, why);
}

status verify_command(app *a, failure *why)
{
    differences total = {0};
    status code = compare_all(a, &total, why);
    if (code) return code;
    if (total.found)
        return fail(why, STATUS_DIFFERS, "%.400s and %.400s differ", a->o.operand[0],
                    a->o.operand[1]);
    print_out("same bits: %s and %s (%s values in %s tensors", a->o.operand[0], a->o.operand[1],
              text_thousands(total.values).text, text_thousands(total.tensors).text);
    if (total.records) print_out(", %s records", text_thousands(total.records).text);
    print_out("%s)\n", total.parameters_alone ? "; parameters alone: a file has no more" : "");
    return STATUS_OK;
}
