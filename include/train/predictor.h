/* predictor.h - probabilities of images, by the threads of one process.               room: train
 *
 * The bits are those of training and evaluating: the same stages, and the softmax of the loss.
 *
 * Threads: one; opens regions of the team.   Collective: no.   Memory: the stored model's arena.   Errors: none.
 * Test: tests/e2e/predict.sh
 */
#ifndef MNIST_DIST_TRAIN_PREDICTOR_H
#define MNIST_DIST_TRAIN_PREDICTOR_H

#include <stdint.h>

#include "train/stored_model.h"

/* pixels: [count, height, width] of the model's images; probabilities: [count, classes]. threads: that work, >= 1. */
void predictor_run(stored_model *s, int threads, const uint8_t *pixels, int count,
                   float *probabilities);

#endif
