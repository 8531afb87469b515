/* app/bar.c - the progress of an epoch in one line that fits into the terminal. */
#include "app/bar.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/print.h"
#include "base/text.h"

enum {
    USUAL_COLUMNS = 80,
    LEAST_CELLS = 5, /* of the bar */
    MOST_CELLS = 20,
    INDENT = 11 /* of the lines that bar_break begins: behind "Epoch 1/5  " */
};
#define COMMA ", "  /* between the figures of the bar   */
#define DASH  " - " /* between those that bar_break gets */

int bar_terminal_columns(void)
{
    struct winsize size;
    int64_t variable = 0;
    const char *text = getenv("COLUMNS");
    int columns = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
    if (text && text_to_int(text, &variable) && variable > 0 &&
        (columns == 0 || variable < columns))
        columns = (int)variable;
    return columns > 0 ? columns : USUAL_COLUMNS;
}

/* ---- the parts of the line ---- */

enum { RATE, LOSS, ACCURACY, LEFT, PARTS }; /* as they are shown */

typedef struct parts {
    char text[PARTS][48]; /* "": left out */
} parts;

static parts parts_of(const bar_figures *f)
{
    parts p;
    int64_t rate = isfinite(f->images_per_second) ? (int64_t)f->images_per_second : 0;
    snprintf(p.text[RATE], sizeof p.text[RATE], "%s img/s", text_thousands(rate).text);
    snprintf(p.text[LOSS], sizeof p.text[LOSS], "loss %s", print_fixed(f->loss, 4).text);
    snprintf(p.text[ACCURACY], sizeof p.text[ACCURACY], "accuracy %s",
             print_fixed(f->accuracy, 4).text);
    snprintf(p.text[LEFT], sizeof p.text[LEFT], "ETA %s", text_duration(ceil(f->left_s)).text);
    return p;
}

/* Columns of the parts that are not left out, each with what is in front of it. */
static int columns_of(const parts *p)
{
    int columns = 0;
    for (int i = 0; i < PARTS; i++) {
        int length = (int)strlen(p->text[i]);
        if (length) columns += length + (columns ? (int)strlen(COMMA) : 1);
    }
    return columns;
}

static void add(bar_line *line, const char *text, int columns)
{
    size_t used = strlen(line->text);
    snprintf(line->text + used, sizeof line->text - used, "%s", text);
    line->columns += columns;
}

static void add_bar(bar_line *line, const bar_figures *f, int cells, int utf8)
{
    int filled = f->steps > 0 ? (int)((int64_t)cells * f->step / f->steps) : 0;
    add(line, " ", 1);
    for (int i = 0; i < cells; i++)
        add(line, utf8 ? (i < filled ? "━" : "─") : (i < filled ? "=" : "."), 1);
}

bar_line bar_draw(const bar_figures *f, int columns, int utf8)
{
    static const int least_wanted[PARTS] = {ACCURACY, LOSS, LEFT, RATE};
    char head[64];
    bar_line line = {"", 0};
    parts p = parts_of(f);
    int most = columns - 1 < BAR_LINE / 4 ? columns - 1 : BAR_LINE / 4; /* a cell has 3 bytes */
    snprintf(head, sizeof head, "Epoch %d/%d  %d/%d", f->epoch, f->epochs, f->step, f->steps);
    if (most < (int)strlen(head)) head[most > 0 ? most : 0] = 0;
    add(&line, head, (int)strlen(head));
    for (int i = 0; i < PARTS && line.columns + columns_of(&p) > most; i++)
        p.text[least_wanted[i]][0] = 0;
    int cells = most - line.columns - columns_of(&p) - 1;
    if (cells >= LEAST_CELLS) add_bar(&line, f, cells < MOST_CELLS ? cells : MOST_CELLS, utf8);
    const char *between = " ";
    for (int i = 0; i < PARTS; i++) {
        if (!p.text[i][0]) continue;
        add(&line, between, (int)strlen(between));
        add(&line, p.text[i], (int)strlen(p.text[i]));
        between = COMMA;
    }
    return line;
}

bar_line bar_break(const char *text, int columns)
{
    bar_line line = {"", 0};
    char part[BAR_LINE];
    const char *between = "";
    for (const char *at = text, *end; at; at = end ? end + strlen(DASH) : NULL) {
        end = strstr(at, DASH);
        int length = end ? (int)(end - at) : (int)strlen(at);
        if (line.columns && line.columns + (int)strlen(between) + length >= columns) {
            snprintf(part, sizeof part, "\n%*s", columns > 2 * INDENT ? INDENT : 0, "");
            between = part;
            line.columns = -1;
        }
        add(&line, between, (int)strlen(between));
        snprintf(part, sizeof part, "%.*s", length, at);
        add(&line, part, length);
        between = DASH;
    }
    return line;
}
