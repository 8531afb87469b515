/* The report's text against what scikit-learn 1.2.1 printed for the same matrices (classification_report, digits=4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "train/report.h"

#include <cmocka.h> /* last: its macro fail() hides base/error.h's function */

static void assert_report(int classes, const int64_t *matrix, const char *expected)
{
    text_buffer out = {0};
    dataset d = {.classes = classes};
    class_names names;
    assert_int_equal(class_names_of(&d, &names, NULL), STATUS_OK);
    report_text(&names, matrix, &out);
    assert_string_equal(out.text, expected);
    assert_int_equal(out.length, strlen(expected));
    text_buffer_free(&out);
}

static void a_matrix_with_names(void **state)
{
    (void)state;
    static const int64_t matrix[4] = {50, 3, 7, 41};
    text_buffer out = {0};
    class_names names = class_names_numbers(2);
    report_matrix(&names, matrix, &out);
    assert_string_equal(out.text, "confusion matrix (row: true class, column: predicted)\n"
                                  "           0     1\n"
                                  "    0     50     3\n"
                                  "    1      7    41\n");
    text_buffer_free(&out);
    names.count = 0;
    class_names_add(&names, "cat");
    class_names_add(&names, "b\xc3\xa4r");
    report_matrix(&names, matrix, &out);
    assert_string_equal(out.text, "confusion matrix (row: true class, column: predicted)\n"
                                  "                       0     1\n"
                                  "         cat    0     50     3\n"
                                  "         b\xc3\xa4r    1      7    41\n");
    text_buffer_free(&out);
}

static void test_two_classes(void **state)
{
    (void)state;
    static const int64_t matrix[4] = {50, 3, 7, 41};
    assert_report(2, matrix,
                  "              precision    recall  f1-score   support\n\n"
                  "           0     0.8772    0.9434    0.9091        53\n"
                  "           1     0.9318    0.8542    0.8913        48\n\n"
                  "    accuracy                         0.9010       101\n"
                  "   macro avg     0.9045    0.8988    0.9002       101\n"
                  "weighted avg     0.9032    0.9010    0.9006       101\n");
}

static void test_ten_classes_one_never_predicted(void **state)
{
    (void)state;
    static const int64_t matrix[100] = {
        930, 9,  8,   2,  5,   9,  7,   0, 9,   1, 9,  901, 7,  4,   8,  3,   3, 0, 7,  8,  //
        8,   7,  950, 10, 2,   3,  10,  0, 8,   6, 11, 0,   10, 999, 1,  2,   9, 0, 4,  0,  //
        4,   7,  9,   11, 949, 11, 6,   0, 11,  9, 7,  2,   5,  1,   0,  917, 7, 0, 4,  10, //
        6,   10, 4,   6,  8,   6,  973, 0, 8,   9, 6,  9,   3,  5,   10, 0,   4, 0, 10, 11, //
        2,   11, 5,   8,  9,   9,  1,   0, 983, 3, 10, 9,   4,  4,   1,  1,   7, 0, 7,  911};
    assert_report(10, matrix,
                  "              precision    recall  f1-score   support\n\n"
                  "           0     0.9366    0.9490    0.9427       980\n"
                  "           1     0.9337    0.9484    0.9410       950\n"
                  "           2     0.9453    0.9462    0.9457      1004\n"
                  "           3     0.9514    0.9643    0.9578      1036\n"
                  "           4     0.9557    0.9331    0.9443      1017\n"
                  "           5     0.9542    0.9622    0.9582       953\n"
                  "           6     0.9474    0.9447    0.9460      1030\n"
                  "           7     0.0000    0.0000    0.0000        58\n"
                  "           8     0.9353    0.9534    0.9443      1031\n"
                  "           9     0.9411    0.9549    0.9480       954\n\n"
                  "    accuracy                         0.9445      9013\n"
                  "   macro avg     0.8501    0.8556    0.8528      9013\n"
                  "weighted avg     0.9385    0.9445    0.9415      9013\n");
}

/* Class 2 occurs neither in truth nor in predictions: scikit-learn gives it no row. */
static void test_absent_class(void **state)
{
    (void)state;
    static const int64_t matrix[16] = {5, 1, 0, 0, 2, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 3};
    assert_report(4, matrix,
                  "              precision    recall  f1-score   support\n\n"
                  "           0     0.7143    0.8333    0.7692         6\n"
                  "           1     0.8182    0.8182    0.8182        11\n"
                  "           3     1.0000    0.7500    0.8571         4\n\n"
                  "    accuracy                         0.8095        21\n"
                  "   macro avg     0.8442    0.8005    0.8149        21\n"
                  "weighted avg     0.8231    0.8095    0.8116        21\n");
}

static void test_large_support(void **state)
{
    (void)state;
    static const int64_t matrix[4] = {1234567, 3, 7, 4000};
    assert_report(2, matrix,
                  "              precision    recall  f1-score   support\n\n"
                  "           0     1.0000    1.0000    1.0000   1234570\n"
                  "           1     0.9993    0.9983    0.9988      4007\n\n"
                  "    accuracy                         1.0000   1238577\n"
                  "   macro avg     0.9996    0.9991    0.9994   1238577\n"
                  "weighted avg     1.0000    1.0000    1.0000   1238577\n");
}

static void test_confusion_and_csv(void **state)
{
    (void)state;
    static const uint8_t truth[6] = {0, 0, 1, 2, 2, 2}, predicted[6] = {0, 2, 1, 2, 0, 2};
    static const float p[18] = {0.5f,  0.3f,       0.2f, 0, 0,     1.0f,
                                0.3f,  0.3333333f, 0.3f, 0, 1e-8f, 0.99999997f,
                                0.25f, 0.2f,       0.2f, 1, 1,     1e-7f};
    static const int64_t expected[9] = {1, 0, 1, 0, 1, 0, 1, 0, 2};
    int64_t matrix[9] = {77};
    report_confusion(3, 6, truth, predicted, matrix);
    assert_memory_equal(matrix, expected, sizeof matrix);
    text_buffer out = {0};
    report_confusion_csv(3, matrix, &out);
    assert_string_equal(out.text, "true\\predicted,0,1,2\n0,1,0,1\n1,0,1,0\n2,1,0,2\n");
    text_buffer_free(&out);
    report_predictions_csv(3, 6, truth, predicted, p, &out);
    assert_string_equal(out.text,
                        "index,true,predicted,probability\n0,0,0,0.500000\n1,0,2,1.000000\n"
                        "2,1,1,0.333333\n3,2,2,1.000000\n4,2,0,0.250000\n5,2,2,0.000000\n");
    text_buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_matrix_with_names),
        cmocka_unit_test(test_two_classes),
        cmocka_unit_test(test_ten_classes_one_never_predicted),
        cmocka_unit_test(test_absent_class),
        cmocka_unit_test(test_large_support),
        cmocka_unit_test(test_confusion_and_csv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
