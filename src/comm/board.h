/* comm/board.h - how ranks lie on a group's board.                                    room: comm (private) */
#ifndef MNIST_DIST_SRC_COMM_BOARD_H
#define MNIST_DIST_SRC_COMM_BOARD_H

#include <stddef.h>

/* Bytes from one rank's place to the next: whole cache lines. */
static inline size_t board_stride(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

#endif
