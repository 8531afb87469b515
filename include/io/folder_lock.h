/* folder_lock.h - one process at a time writes into a folder.                              room: io
 *
 * The lock is a POSIX record lock (fcntl F_SETLK) on the file FOLDER/.lock-NUMBER. The system releases it when the process
 * ends, however that happens; a child process does not have it. It also holds between the hosts of a network file system that
 * has record locks (NFSv3 by lockd, NFSv4, Lustre with -o flock, GPFS, CephFS). A mount with local locks (nolock, local_lock,
 * localflock) keeps out only processes of its own host. flock() on the folder would not do: on NFS only files that are open for
 * writing can be locked. NUMBER is the folder's inode: in a copy of the folder by hard links the file is there too, but it is
 * not the lock of the copy. The text of the file says who holds the lock.
 *
 * Threads: one.   Collective: no.   Memory: none.
 * Errors: STATUS_CANNOT_WRITE, if another process holds the lock, or the file cannot be made.   Test: tests/io/io_folder_lock.c
 */
#ifndef MNIST_DIST_IO_FOLDER_LOCK_H
#define MNIST_DIST_IO_FOLDER_LOCK_H

#include "io/file.h"

/* descriptor 0: not taken. */
typedef struct folder_lock {
    int descriptor;
    char path[FILE_PATH];
} folder_lock;

/* Takes the lock without waiting for another process. The failure names the process that holds it, and its host. On a file
 * system without locks nothing is locked: *remark says so, and the status is STATUS_OK. Else *remark stays as it is. */
status folder_lock_take(const char *folder, folder_lock *lock, failure *remark, failure *why);

/* Releases it and removes the file. Does nothing if the lock was not taken. */
void folder_lock_release(folder_lock *lock);

#endif
