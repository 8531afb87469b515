/* kernel/gemm_blis.c - dense products through BLIS; the only file that includes it. */
#include "kernel/gemm_blis.h"

#include <string.h>

#include <blis.h>

size_t gemm_blis_scratch(const gemm_rows *rows)
{
    return (size_t)rows->outer * (size_t)rows->rows * (size_t)rows->segments * (size_t)rows->length;
}

/* A [outer rows, segments length] as it is gathered, row after row. */
static void copy_patches(const gemm_rows *g, float *out)
{
    for (int o = 0; o < g->outer; o++)
        for (int i = 0; i < g->rows; i++)
            for (int s = 0; s < g->segments; s++, out += g->length)
                memcpy(out,
                       g->a + (size_t)o * g->outer_stride + (size_t)i * g->row_stride +
                           (size_t)s * g->segment_stride,
                       (size_t)g->length * sizeof(float));
}

/* Bias and activation of a row of C, [cols]. */
static void finish_row(const gemm_blis_args *g, float *c)
{
    for (int n = 0; n < g->cols; n++) {
        float y = g->bias ? c[n] + g->bias[n] : c[n];
        c[n] = g->act == ACTIVATION_RELU && 0.0f > y ? 0.0f : y;
    }
}

/* C [m,n] = A [m,k] B [k,n]; rows of C are c_row_stride floats apart, those of A and B follow each other without gaps. */
typedef struct product {
    int m, n, k;
    const float *a, *b;
    float *c;
    size_t c_row_stride;
} product;

static void multiply(const product *p, rntm_t *runtime)
{
    float one = 1.0f, zero = 0.0f;
    bli_sgemm_ex(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, p->m, p->n, p->k, &one,
                 (float *)(uintptr_t)p->a, p->k, 1, (float *)(uintptr_t)p->b, p->n, 1, &zero, p->c,
                 (inc_t)p->c_row_stride, 1, NULL, runtime);
}

void gemm_blis_nn(const gemm_blis_args *g)
{
    const gemm_rows *rows = &g->rows;
    rntm_t runtime = BLIS_RNTM_INITIALIZER;
    bli_rntm_set_num_threads(1, &runtime);
    bli_rntm_disable_l3_sup(&runtime);
    product p = {.m = rows->rows,
                 .n = g->cols,
                 .k = rows->segments * rows->length,
                 .a = rows->a,
                 .b = g->b,
                 .c = g->c,
                 .c_row_stride = g->c_row_stride};
    int dense = rows->outer == 1 && rows->segments == 1 && rows->row_stride == (size_t)rows->length;
    if (!dense) {
        copy_patches(rows, g->scratch);
        p.a = g->scratch;
    }
    for (int o = 0; o < rows->outer; o++) {
        multiply(&p, &runtime);
        for (int i = 0; i < rows->rows; i++) finish_row(g, p.c + (size_t)i * p.c_row_stride);
        p.a += (size_t)p.m * (size_t)p.k;
        p.c += g->c_outer_stride;
    }
}

void gemm_blis_square(int m, int n, int k, const float *a, const float *b, float *c, int threads)
{
    rntm_t runtime = BLIS_RNTM_INITIALIZER;
    bli_rntm_set_num_threads(threads, &runtime);
    product p = {m, n, k, a, b, c, (size_t)n};
    multiply(&p, &runtime);
}

const char *gemm_blis_architecture(void)
{
    return bli_arch_string(bli_arch_query_id());
}
