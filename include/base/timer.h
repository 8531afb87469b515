/* timer.h - a monotonic clock in seconds.                      room: base   Threads: any.   Collective: no. */
#ifndef MNIST_DIST_BASE_TIMER_H
#define MNIST_DIST_BASE_TIMER_H

/* Seconds since an arbitrary moment; it never goes back. */
double timer_now_s(void);

#endif
