/* comm/launcher.h - the end of a launcher that waits for a lost host.               room: comm (private)
 *
 * Open MPI's mpirun ends the ranks of a job, and then waits until the daemon of every host has said that they are gone. The
 * daemon of a host that was switched off or stopped never says so.
 *
 * Threads: any.   Collective: no.   Errors: none.   Test: tests/hosts/vanish.sh
 */
#ifndef MNIST_DIST_SRC_COMM_LAUNCHER_H
#define MNIST_DIST_SRC_COMM_LAUNCHER_H

/* Where mpirun started this process itself: leaves behind a process that sends mpirun SIGKILL after grace_s seconds, if it has
 * not ended by then. The caller ends its own process next. Does nothing elsewhere, and before Linux 5.3. */
void launcher_end_within(int grace_s);

#endif
