/* update.h - optimiser updates in double, from the settings that a user gives.
 *
 *   adam_ref   m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2,
 *              w -= rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + eps)              Kingma and Ba, arXiv 1412.6980
 *   adamax_ref m as adam, v = max(b2 v, |g|), w -= rate / (1 - b1^t) m / (v + eps)                       section 7.1 there
 *   rmsprop_ref  v = b2 v + (1 - b2) g^2, d = rate g / sqrt(v + eps); momentum 0: w -= d. Else m = momentum m + d, w -= m
 *   sgd_ref    momentum 0: w -= rate g. Else m = momentum m - rate g, and w += m,
 *              or (nesterov) w += momentum m - rate g
 *   lamb_ref   m, v as adam; returns u = m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps)            You et al., arXiv 1904.00962
 * One parameter at a time.
 *   optimizer_ref   a step of the optimiser of a name, over a whole tensor, with weight decay and norms: equations in
 *                   include/optim/optimizer.h
 */
#ifndef MNIST_DIST_TESTS_REFERENCE_UPDATE_H
#define MNIST_DIST_TESTS_REFERENCE_UPDATE_H

typedef struct adam_ref_cfg {
    double rate, beta1, beta2, epsilon;
} adam_ref_cfg;

/* A parameter and its first and second slot. */
typedef struct update_ref {
    double w, m, v;
} update_ref;

void adam_ref(const adam_ref_cfg *cfg, int t, double g, update_ref *p);

void adamax_ref(const adam_ref_cfg *cfg, int t, double g, update_ref *p);

double lamb_ref(const adam_ref_cfg *cfg, int t, double g, update_ref *p);

typedef struct rmsprop_ref_cfg {
    double rate, momentum, beta2, epsilon;
} rmsprop_ref_cfg;

void rmsprop_ref(const rmsprop_ref_cfg *cfg, double g, update_ref *p);

typedef struct sgd_ref_cfg {
    double rate, momentum;
    int nesterov;
} sgd_ref_cfg;

void sgd_ref(const sgd_ref_cfg *cfg, double g, update_ref *p);

enum { UPDATE_REF_LENGTH = 48 };

typedef struct optimizer_ref_cfg {
    double rate, momentum, beta1, beta2, epsilon, decay;
} optimizer_ref_cfg;

/* Step t of a tensor: g, p [UPDATE_REF_LENGTH]. Returns 0 where there is no optimiser of this name. */
int optimizer_ref(const char *name, const optimizer_ref_cfg *cfg, int t, const double *g,
                  update_ref *p);

#endif
