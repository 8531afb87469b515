/* train/report.c - counts, laid out as scikit-learn 1.x prints them. */
#include "train/report.h"

#include "base/error.h"
#include "data/dataset.h"

enum {
    MAX_CLASSES = DATASET_MAX_CLASSES,
    WIDTH = 12, /* of "weighted avg"; longer names make the column wider */
    BLOCK = 128 /* the most values that numpy adds in one loop */
};

enum { PRECISION, RECALL, F1, SCORES };
typedef struct class_score {
    double value[SCORES];
    int64_t support;
} class_score;

void report_confusion(int classes, int count, const uint8_t *truth, const uint8_t *predicted,
                      int64_t *matrix)
{
    CHECK(classes >= 1 && classes <= MAX_CLASSES, "%d classes", classes);
    for (int i = 0; i < classes * classes; i++) matrix[i] = 0;
    for (int i = 0; i < count; i++) {
        CHECK(truth[i] < classes && predicted[i] < classes, "sample %d: class %d predicted as %d",
              i, truth[i], predicted[i]);
        matrix[truth[i] * classes + predicted[i]]++;
    }
}

static double ratio(int64_t part, int64_t whole)
{
    return whole ? (double)part / (double)whole : 0.0;
}

/* Scores of the classes that occur in truth or predictions; as in scikit-learn, others have no row. Returns the rows. */
static int score_classes(int classes, const int64_t *matrix, class_score *score, int *name)
{
    int rows = 0;
    for (int c = 0; c < classes; c++) {
        int64_t truth = 0, predicted = 0, right = matrix[c * classes + c];
        for (int k = 0; k < classes; k++) {
            truth += matrix[c * classes + k];
            predicted += matrix[k * classes + c];
        }
        if (truth + predicted == 0) continue;
        double p = ratio(right, predicted), r = ratio(right, truth);
        double f1 = p + r > 0.0 ? 2.0 * p * r / (p + r) : 0.0;
        score[rows] = (class_score){{p, r, f1}, truth};
        name[rows++] = c;
    }
    return rows;
}

/* The sum in numpy's pairwise order, so that a mean rounds to the same digit as scikit-learn's. */
static double numpy_sum(const double *x, int n)
{
    if (n > BLOCK) {
        int half = n / 2 - n / 2 % 8;
        return numpy_sum(x, half) + numpy_sum(x + half, n - half);
    }
    double lane[8], sum = 0.0;
    int i = 0;
    if (n >= 8) {
        for (int k = 0; k < 8; k++) lane[k] = x[k];
        for (i = 8; i + 8 <= n; i += 8)
            for (int k = 0; k < 8; k++) lane[k] += x[i + k];
        sum = ((lane[0] + lane[1]) + (lane[2] + lane[3])) +
              ((lane[4] + lane[5]) + (lane[6] + lane[7]));
    }
    for (; i < n; i++) sum += x[i];
    return sum;
}

typedef enum average_kind { AVERAGE_MACRO, AVERAGE_WEIGHTED } average_kind;

/* Mean of one score over the rows. */
static double average(const class_score *score, int rows, int which, average_kind kind)
{
    double value[MAX_CLASSES], weights = 0.0;
    for (int r = 0; r < rows; r++) {
        double weight = kind == AVERAGE_WEIGHTED ? (double)score[r].support : 1.0;
        value[r] = score[r].value[which] * weight;
        weights += weight;
    }
    return weights > 0.0 ? numpy_sum(value, rows) / weights : 0.0;
}

static int count_characters(const char *name)
{
    int count = 0;
    for (; *name; name++) count += ((unsigned char)*name & 0xc0) != 0x80;
    return count;
}

/* printf counts bytes, not characters. */
static void add_name(text_buffer *out, const char *name, int width)
{
    text_buffer_add(out, "%*s%s", width - count_characters(name), "", name);
}

static void add_row(text_buffer *out, const char *name, int width, class_score s)
{
    add_name(out, name, width);
    text_buffer_add(out, "  %9.4f %9.4f %9.4f %9lld\n", s.value[PRECISION], s.value[RECALL],
                    s.value[F1], (long long)s.support);
}

static void add_average(text_buffer *out, const char *name, const class_score *score, int rows,
                        int64_t count, average_kind kind, int width)
{
    class_score mean = {.support = count};
    for (int which = 0; which < SCORES; which++)
        mean.value[which] = average(score, rows, which, kind);
    add_row(out, name, width, mean);
}

/* Of the longest name, in characters. */
static int width_of(const class_names *names)
{
    int width = WIDTH;
    for (int c = 0; c < names->count; c++) {
        int characters = count_characters(names->name[c]);
        if (characters > width) width = characters;
    }
    return width;
}

void report_text(const class_names *names, const int64_t *matrix, text_buffer *out)
{
    int classes = names->count, width = width_of(names);
    CHECK(classes >= 1 && classes <= MAX_CLASSES, "%d classes", classes);
    class_score score[MAX_CLASSES];
    int name[MAX_CLASSES];
    int rows = score_classes(classes, matrix, score, name);
    int64_t count = 0, right = 0;
    text_buffer_add(out, "%*s  %9s %9s %9s %9s\n\n", width, "", "precision", "recall", "f1-score",
                    "support");
    for (int r = 0; r < rows; r++) {
        add_row(out, names->name[name[r]], width, score[r]);
        count += score[r].support;
        right += matrix[name[r] * classes + name[r]];
    }
    text_buffer_add(out, "\n%*s  %9s %9s %9.4f %9lld\n", width, "accuracy", "", "",
                    ratio(right, count), (long long)count);
    add_average(out, "macro avg", score, rows, count, AVERAGE_MACRO, width);
    add_average(out, "weighted avg", score, rows, count, AVERAGE_WEIGHTED, width);
}

void report_matrix(const class_names *names, const int64_t *matrix, text_buffer *out)
{
    int classes = names->count, named = !class_names_are_numbers(names);
    int width = named ? width_of(names) : 0;
    text_buffer_add(out, "confusion matrix (row: true class, column: predicted)\n%*s      ", width,
                    "");
    for (int c = 0; c < classes; c++) text_buffer_add(out, " %5d", c);
    for (int r = 0; r < classes; r++) {
        text_buffer_add(out, "\n");
        if (named) add_name(out, names->name[r], width);
        text_buffer_add(out, "%5d ", r);
        for (int c = 0; c < classes; c++)
            text_buffer_add(out, " %5lld", (long long)matrix[r * classes + c]);
    }
    text_buffer_add(out, "\n");
}

void report_confusion_csv(int classes, const int64_t *matrix, text_buffer *out)
{
    text_buffer_add(out, "true\\predicted");
    for (int c = 0; c < classes; c++) text_buffer_add(out, ",%d", c);
    for (int r = 0; r < classes; r++) {
        text_buffer_add(out, "\n%d", r);
        for (int c = 0; c < classes; c++)
            text_buffer_add(out, ",%lld", (long long)matrix[r * classes + c]);
    }
    text_buffer_add(out, "\n");
}

void report_predictions_csv(int classes, int count, const uint8_t *truth, const uint8_t *predicted,
                            const float *probabilities, text_buffer *out)
{
    text_buffer_add(out, "index,true,predicted,probability\n");
    for (int i = 0; i < count; i++)
        text_buffer_add(out, "%d,%d,%d,%.6f\n", i, truth[i], predicted[i],
                        (double)probabilities[(size_t)i * (size_t)classes + predicted[i]]);
}
