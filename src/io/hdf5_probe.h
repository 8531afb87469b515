/* hdf5_probe.h - lets a child process read a file first, since libhdf5 crashes on some damaged files.     room: io, private
 *
 * libhdf5 1.10 ends in an endless loop or with SIGSEGV on some damaged files, and takes memory that the file's size does not
 * justify. So a child process opens the image and reads every object and attribute in it, within the limits of child.h. The
 * caller opens the image only if the child ends well. It reads texts of variable length in a child again (hdf5_tools.c): there
 * libhdf5 follows addresses of the file without checks, and can overwrite memory without a crash.
 *
 * Threads: one at a time (libhdf5).   Collective: no.
 * Errors: STATUS_BAD_DATA: the child crashed, or a limit ended it. If no child can be started, the image is not probed.
 * Test: tests/io/io_fuzz.c, io_damage.c
 */
#ifndef MNIST_DIST_IO_HDF5_PROBE_H
#define MNIST_DIST_IO_HDF5_PROBE_H

#include <stddef.h>

#include "base/error.h"

/* path: for the failure, which begins with it. */
status hdf5_probe(const void *bytes, size_t length, const char *path, failure *why);

#endif
