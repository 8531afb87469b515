/* report.h - what a classifier got right: confusion matrix, classification report, predictions.   room: train
 *
 *   precision_c = M[c][c] / sum_r M[r][c]   recall_c = M[c][c] / sum_k M[c][k]   f1 = 2 p r / (p + r)     (0 for 0/0)
 * M[r][c] counts samples of class r that were predicted as c.
 *
 * Threads: any.   Collective: no.   Memory: the caller's; text_buffer owns its text.   Errors: none; CHECK: 1 to
 * DATASET_MAX_CLASSES classes, labels below.
 * Test: tests/unit/train_report.c (numbers of scikit-learn), tests/e2e/run_directory.sh (scikit-learn itself)
 */
#ifndef MNIST_DIST_TRAIN_REPORT_H
#define MNIST_DIST_TRAIN_REPORT_H

#include <stdint.h>

#include "base/text_buffer.h"
#include "data/class_names.h"

/* matrix: [classes, classes], set from truth[count] and predicted[count]. */
void report_confusion(int classes, int count, const uint8_t *truth, const uint8_t *predicted,
                      int64_t *matrix);

/* Appends the classification report with the layout and rounding of scikit-learn's classification_report(digits=4,
 * target_names=names): a row for each class that occurs; accuracy, macro avg, weighted avg. matrix: [names->count] squared. */
void report_text(const class_names *names, const int64_t *matrix, text_buffer *out);

/* Appends the confusion matrix for people: a row for each true class, with its name in front where names are not numbers. */
void report_matrix(const class_names *names, const int64_t *matrix, text_buffer *out);

/* Appends "true\predicted,0,1,..." and one row for each true class. */
void report_confusion_csv(int classes, const int64_t *matrix, text_buffer *out);

/* Appends "index,true,predicted,probability" and one line for each sample: of probabilities[count, classes] that of the
 * predicted class, with 6 decimals. */
void report_predictions_csv(int classes, int count, const uint8_t *truth, const uint8_t *predicted,
                            const float *probabilities, text_buffer *out);

#endif
