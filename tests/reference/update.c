/* reference/update.c - one parameter of each kernel, then one tensor of each optimiser. */
#include "reference/update.h"

#include <math.h>
#include <string.h>

void adam_ref(const adam_ref_cfg *cfg, int t, double g, update_ref *p)
{
    double alpha = cfg->rate * sqrt(1 - pow(cfg->beta2, t)) / (1 - pow(cfg->beta1, t));
    p->m = cfg->beta1 * p->m + (1 - cfg->beta1) * g;
    p->v = cfg->beta2 * p->v + (1 - cfg->beta2) * g * g;
    p->w -= alpha * p->m / (sqrt(p->v) + cfg->epsilon);
}

void adamax_ref(const adam_ref_cfg *cfg, int t, double g, update_ref *p)
{
    p->m = cfg->beta1 * p->m + (1 - cfg->beta1) * g;
    p->v = fmax(cfg->beta2 * p->v, fabs(g));
    p->w -= cfg->rate / (1 - pow(cfg->beta1, t)) * p->m / (p->v + cfg->epsilon);
}

void rmsprop_ref(const rmsprop_ref_cfg *cfg, double g, update_ref *p)
{
    p->v = cfg->beta2 * p->v + (1 - cfg->beta2) * g * g;
    double step = cfg->rate * g / sqrt(p->v + cfg->epsilon);
    if (cfg->momentum != 0) step = p->m = cfg->momentum * p->m + step;
    p->w -= step;
}

void sgd_ref(const sgd_ref_cfg *cfg, double g, update_ref *p)
{
    if (cfg->momentum == 0) {
        p->w -= cfg->rate * g;
        return;
    }
    p->m = cfg->momentum * p->m - cfg->rate * g;
    p->w += cfg->nesterov ? cfg->momentum * p->m - cfg->rate * g : p->m;
}

double lamb_ref(const adam_ref_cfg *cfg, int t, double g, update_ref *p)
{
    p->m = cfg->beta1 * p->m + (1 - cfg->beta1) * g;
    p->v = cfg->beta2 * p->v + (1 - cfg->beta2) * g * g;
    return p->m / (1 - pow(cfg->beta1, t)) / (sqrt(p->v / (1 - pow(cfg->beta2, t))) + cfg->epsilon);
}

/* ---- whole optimisers ---- */

static void decay(const optimizer_ref_cfg *cfg, update_ref *p)
{
    for (int i = 0; i < UPDATE_REF_LENGTH; i++) p[i].w -= cfg->rate * cfg->decay * p[i].w;
}

static double norm_w(const update_ref *p)
{
    double sum = 0;
    for (int i = 0; i < UPDATE_REF_LENGTH; i++) sum += p[i].w * p[i].w;
    return sqrt(sum);
}

static double norm_g(const double *g)
{
    double sum = 0;
    for (int i = 0; i < UPDATE_REF_LENGTH; i++) sum += g[i] * g[i];
    return sqrt(sum);
}

static adam_ref_cfg adam_cfg(const optimizer_ref_cfg *cfg)
{
    return (adam_ref_cfg){cfg->rate, cfg->beta1, cfg->beta2, cfg->epsilon};
}

static void sgd(const optimizer_ref_cfg *cfg, int t, const double *g, update_ref *p)
{
    sgd_ref_cfg plain = {.rate = cfg->rate, .momentum = cfg->momentum};
    (void)t;
    decay(cfg, p);
    for (int i = 0; i < UPDATE_REF_LENGTH; i++) sgd_ref(&plain, g[i], &p[i]);
}

static void nesterov(const optimizer_ref_cfg *cfg, int t, const double *g, update_ref *p)
{
    sgd_ref_cfg ahead = {.rate = cfg->rate, .momentum = cfg->momentum, .nesterov = 1};
    (void)t;
    decay(cfg, p);
    for (int i = 0; i < UPDATE_REF_LENGTH; i++) sgd_ref(&ahead, g[i], &p[i]);
}

/* The velocity is the first slot, the momentum the second. */
static void rmsprop(const optimizer_ref_cfg *cfg, int t, const double *g, update_ref *p)
{
    rmsprop_ref_cfg c = {cfg->rate, cfg->momentum, cfg->beta2, cfg->epsilon};
    (void)t;
    decay(cfg, p);
    for (int i = 0; i < UPDATE_REF_LENGTH; i++) {
        update_ref x = {.w = p[i].w, .m = p[i].v, .v = p[i].m};
        rmsprop_ref(&c, g[i], &x);
        p[i] = (update_ref){.w = x.w, .m = x.v, .v = x.m};
    }
}

static void adam(const optimizer_ref_cfg *cfg, int t, const double *g, update_ref *p)
{
    adam_ref_cfg c = adam_cfg(cfg);
    decay(cfg, p);
    for (int i = 0; i < UPDATE_REF_LENGTH; i++) adam_ref(&c, t, g[i], &p[i]);
}

static void adamax(const optimizer_ref_cfg *cfg, int t, const double *g, update_ref *p)
{
    adam_ref_cfg c = adam_cfg(cfg);
    decay(cfg, p);
    for (int i = 0; i < UPDATE_REF_LENGTH; i++) adamax_ref(&c, t, g[i], &p[i]);
}

static void lars(const optimizer_ref_cfg *cfg, int t, const double *g, update_ref *p)
{
    double w = norm_w(p), ratio = 0.001 * w / (norm_g(g) + cfg->decay * w);
    sgd_ref_cfg scaled = {.rate = cfg->rate * ratio, .momentum = cfg->momentum};
    (void)t;
    for (int i = 0; i < UPDATE_REF_LENGTH; i++) sgd_ref(&scaled, g[i] + cfg->decay * p[i].w, &p[i]);
}

static void lamb(const optimizer_ref_cfg *cfg, int t, const double *g, update_ref *p)
{
    adam_ref_cfg c = adam_cfg(cfg);
    double u[UPDATE_REF_LENGTH];
    decay(cfg, p);
    for (int i = 0; i < UPDATE_REF_LENGTH; i++) u[i] = lamb_ref(&c, t, g[i], &p[i]);
    double ratio = norm_w(p) / norm_g(u);
    for (int i = 0; i < UPDATE_REF_LENGTH; i++) p[i].w -= cfg->rate * ratio * u[i];
}

static const struct {
    const char *name;
    void (*step)(const optimizer_ref_cfg *cfg, int t, const double *g, update_ref *p);
} twins[] = {
    {"sgd", sgd},         {"momentum", sgd}, {"nesterov", nesterov},
    {"rmsprop", rmsprop}, {"adam", adam},    {"adamw", adam},
    {"adamax", adamax},   {"lars", lars},    {"lamb", lamb},
};

int optimizer_ref(const char *name, const optimizer_ref_cfg *cfg, int t, const double *g,
                  update_ref *p)
{
    for (size_t i = 0; i < sizeof twins / sizeof *twins; i++)
        if (strcmp(name, twins[i].name) == 0) return twins[i].step(cfg, t, g, p), 1;
    return 0;
}
