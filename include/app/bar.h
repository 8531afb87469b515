/* bar.h - the progress of an epoch in one line that fits into the terminal.             room: app
 *
 *   Epoch 1/5  211/422 ━━━━──── 20,000 img/s, loss 0.4900, accuracy 0.8300, ETA 10s
 *
 * Without escape codes: a carriage return goes back to the begin of the line, and blanks cover what was longer.
 *
 * Threads: any.   Collective: no.   Memory: none.   Errors: none.   Test: tests/unit/app_bar.c, tests/e2e/bar.sh
 */
#ifndef MNIST_DIST_APP_BAR_H
#define MNIST_DIST_APP_BAR_H

enum { BAR_LINE = 512 }; /* bytes of a line, with the 0 */

typedef struct bar_figures {
    int epoch, epochs, step, steps; /* counted from 1                    */
    double images_per_second;       /* not finite: shown as 0            */
    double loss, accuracy;          /* means of the epoch so far         */
    double left_s;                  /* until the end of the epoch        */
} bar_figures;

typedef struct bar_line {
    char text[BAR_LINE];
    int columns; /* that the text takes */
} bar_line;

/* The columns of a terminal on standard output: those of the terminal or of $COLUMNS, the smaller number where both are known;
 * 80 where none is. */
int bar_terminal_columns(void);

/* The line in less than `columns` columns; the last one stays free, since some terminals begin a new line behind it. In a
 * narrow terminal the bar is shorter, then missing; then accuracy, loss, time and rate are left out, in this order. utf8 0:
 * ASCII. */
bar_line bar_draw(const bar_figures *f, int columns, int utf8);

/* Breaks a text of ASCII before " - " where a line would not be below `columns` columns; later lines are indented. */
bar_line bar_break(const char *text, int columns);

#endif
