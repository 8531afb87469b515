/* train/keras_normalization.c - Normalization of Keras: y = (x - mean) / max(sqrt(variance), 1e-7). */
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "keras_affine.h"
#include "keras_arguments.h"

enum { MOST_AXES = 8 };
static const double least_deviation = 1e-7; /* Keras' epsilon */

static double deviation_of(double variance)
{
    return fmax(sqrt(variance), least_deviation);
}

/* Which dimensions of the input, without the samples, have means of their own: `axis`. -1: the argument cannot be read. */
static int read_axes(const json_t *axis, int rank, int kept[MOST_AXES])
{
    size_t count = json_is_array(axis) ? json_array_size(axis) : 1;
    memset(kept, 0, MOST_AXES * sizeof *kept);
    if (json_is_null(axis)) return 0;
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_is_array(axis) ? json_array_get(axis, i) : axis;
        json_int_t number = axis ? json_integer_value(one) : -1;
        if (axis && !json_is_integer(one)) return -1;
        if (number < 0) number += rank + 1; /* the samples are axis 0 */
        if (number < 1 || number > rank) return -1;
        kept[number - 1] = 1;
    }
    return 0;
}

/* The numbers of nested lists, one after the other; returns their count, 0 if there is something else. */
static size_t gather(const json_t *v, double *out, size_t most)
{
    size_t i, count = 0;
    json_t *one;
    if (json_is_number(v) && most > 0) return *out = json_number_value(v), 1;
    json_array_foreach(v, i, one)
    {
        size_t more = gather(one, out + count, most - count);
        if (more == 0) return 0;
        count += more;
    }
    return count;
}

/* `count` means or variances, from the argument or the variable; one may stand for all. */
static status read_numbers(const keras_import_state *s, const keras_layer *k, int number,
                           size_t count, double *out, failure *why)
{
    static const char *const keys[] = {"mean", "variance"};
    const json_t *given = json_object_get(k->config, keys[number]);
    size_t got = 0;
    if (given && !json_is_null(given)) {
        got = gather(given, out, count);
    } else {
        float *values;
        status code = keras_variable(s, k, number, &got, &values, why);
        if (code) return code;
        for (size_t i = 0; i < got && i < count; i++) out[i] = (double)values[i];
        memory_free(values);
    }
    if (got != 1 && got != count)
        return keras_arguments_refuse(k, keys[number], "not one number for each value of its axes",
                                      why);
    for (size_t i = got; i < count; i++) out[i] = out[0];
    return STATUS_OK;
}

/* The number of the mean of value i of a sample: its place among the kept dimensions. */
static size_t number_of(shape s, const int *kept, size_t i)
{
    size_t number = 0, stride = 1;
    for (int d = s.rank - 1; d >= 0; d--) {
        size_t at = i % (size_t)s.dim[d];
        i /= (size_t)s.dim[d];
        if (!kept[d]) continue;
        number += at * stride;
        stride *= (size_t)s.dim[d];
    }
    return number;
}

/* 1: one mean or one factor is for pixels of 0..255. */
static int is_for_bytes(const double *mean, const double *variance, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (mean[i] > 1 || keras_is_for_bytes(1 / deviation_of(variance[i]))) return 1;
    return 0;
}

static status begin(keras_import_state *s, const keras_layer *k, const int *kept,
                    const double *mean, const double *variance, size_t count, failure *why)
{
    size_t length = shape_length(s->keras);
    double *scale = memory_take(length * sizeof *scale),
           *offset = memory_take(length * sizeof *offset);
    double white = 1;
    if (keras_is_in_front(s) && is_for_bytes(mean, variance, count)) {
        keras_note(s, "layer %s (%s) is for pixels of 0..255: adapted to pixels of 0..1", k->name,
                   k->class);
        white = 255;
    }
    int last_alone = kept[s->keras.rank - 1];
    for (int d = 0; d + 1 < s->keras.rank; d++) last_alone &= !kept[d];
    for (size_t i = 0; i < length; i++) {
        size_t n = number_of(s->keras, kept, i);
        double deviation = deviation_of(variance[n]);
        scale[i] = white / deviation;
        offset[i] = -mean[n] / deviation;
    }
    s->scaled = 1;
    return keras_affine_begin(s, k, last_alone ? count : length, scale, offset, why);
}

static int all_equal(const double *values, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (values[i] != values[0]) return 0;
    return 1;
}

status keras_fold_normalization(keras_import_state *s, const keras_layer *k, failure *why)
{
    int kept[MOST_AXES];
    size_t count = 1;
    status code = keras_arguments_check(k, " axis mean variance ", why);
    if (!code && read_axes(json_object_get(k->config, "axis"), s->keras.rank, kept))
        code = keras_arguments_refuse(k, "axis", "no such axis of its input", why);
    if (code) return code;
    for (int d = 0; d < s->keras.rank; d++)
        if (kept[d]) count *= (size_t)s->keras.dim[d];
    double *mean = memory_take(count * sizeof *mean), *variance = memory_take(count * sizeof *mean);
    code = read_numbers(s, k, 0, count, mean, why);
    if (!code) code = read_numbers(s, k, 1, count, variance, why);
    double deviation = code ? 1 : deviation_of(variance[0]);
    if (!code && all_equal(mean, count) && all_equal(variance, count))
        code = keras_rescale(s, k, 1 / deviation, -mean[0] / deviation, why);
    else if (!code)
        code = begin(s, k, kept, mean, variance, count, why);
    memory_free(mean);
    memory_free(variance);
    return code;
}
