/* comm/shared_file.h - files in /dev/shm that several processes map as memory.     room: comm (private)
 *
 * No file keeps a name in /dev/shm, so nothing remains there however the processes end. Other processes of the same user and
 * host open it by the path of its creator's descriptor, as long as the creator keeps that open. Where processes have numbers of
 * their own (containers, PID namespaces), that path may lead to any file of another process: so an offer also says which file
 * is meant, and a secret that stands behind its contents.
 *
 * Threads: one.   Collective: no.   Memory: mappings, which the caller unmaps.   Errors: errno, as said.
 * Test: tests/unit/comm_shared_file.c, tests/mpi/comm_collectives.c
 */
#ifndef MNIST_DIST_SRC_COMM_SHARED_FILE_H
#define MNIST_DIST_SRC_COMM_SHARED_FILE_H

#include <stddef.h>
#include <stdint.h>

enum { SHARED_FILE_PATH = 64, SHARED_FILE_SECRET = 16 };

/* What another process needs to open a file. It is sent as it is, as bytes. */
typedef struct shared_file_offer {
    char path[SHARED_FILE_PATH];
    uint64_t device, inode, secret_at; /* secret_at: offset of the secret in the file */
    unsigned char secret[SHARED_FILE_SECRET];
} shared_file_offer;

/* Creates a file for `bytes` bytes, all zero, and fills the offer. Returns the descriptor, which the caller closes, or -1 with
 * errno. */
int shared_file_create(size_t bytes, shared_file_offer *offer);

/* Opens another process' file; returns the descriptor, or -1 with errno: ENOENT if the path leads to another file, which is
 * then left untouched. */
int shared_file_open(const shared_file_offer *offer);

/* Reserves share `part` of `parts` of a file of `bytes` bytes, in whole pages; they lie in the memory bank that is near to
 * the caller. Returns 0 or an errno. */
int shared_file_reserve(int file, size_t bytes, int part, int parts);

/* Maps `bytes` bytes of the file, from an address on 2 MiB, where its pages can become huge ones. NULL with errno if that
 * fails. */
void *shared_file_map(int file, size_t bytes);
void shared_file_unmap(void *memory, size_t bytes);

/* Asks the kernel to make huge pages of the reserved pages of a mapping of 2 MiB or more. It may refuse. */
void shared_file_use_huge_pages(void *memory, size_t bytes);

#endif
