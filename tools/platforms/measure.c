/* Measures the network between two ranks, and prints it as a platform file for `scaling.py simulate`.
 *
 *   mpicc -O2 tools/platforms/measure.c -o measure
 *   mpirun -n 2 --map-by node ./measure HOSTS CORES > network.xml
 *
 * Half a round trip takes  overhead of the sender + latency + bytes / bandwidth + overhead of the receiver.  The overhead is
 * the time in MPI_Send of a small message; that of the receiver is taken to be the same. Medians of many round trips. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRIPS = 2001, SMALL = 64, MIDDLE = 1 << 17, LARGE = 1 << 20, TAG = 1 };

static char data[LARGE];
static double sample[TRIPS], call[TRIPS];

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare);
    return values[count / 2];
}

/* Half a round trip of `bytes`; *send_s: the time in MPI_Send. Of rank 0. */
static double half_trip(int rank, int bytes, int trips, double *send_s)
{
    for (int i = 0; i < trips; i++) {
        double begin = MPI_Wtime();
        if (rank == 0) MPI_Send(data, bytes, MPI_BYTE, 1, TAG, MPI_COMM_WORLD);
        call[i] = MPI_Wtime() - begin;
        MPI_Recv(data, bytes, MPI_BYTE, 1 - rank, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        if (rank == 1) MPI_Send(data, bytes, MPI_BYTE, 0, TAG, MPI_COMM_WORLD);
        sample[i] = (MPI_Wtime() - begin) / 2;
    }
    *send_s = median(call, trips);
    return median(sample, trips);
}

static void print_platform(int hosts, int cores, double send_s, double latency_s, double bandwidth)
{
    printf("<?xml version='1.0'?>\n"
           "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
           "<!-- Measured by tools/platforms/measure.c -->\n"
           "<platform version=\"4.1\">\n  <config>\n");
    const char *const overhead[] = {"os", "ois", "or"};
    for (int i = 0; i < 3; i++)
        printf("    <prop id=\"smpi/%s\" value=\"0:0:0;1:%.3e:0\"/>\n", overhead[i], send_s);
    printf("    <prop id=\"smpi/bw-factor\" value=\"0:1\"/>\n"
           "    <prop id=\"smpi/lat-factor\" value=\"0:1\"/>\n"
           "    <prop id=\"network/weight-S\" value=\"0\"/>\n"
           "    <prop id=\"network/TCP-gamma\" value=\"0\"/>\n"
           "    <prop id=\"network/crosstraffic\" value=\"0\"/>\n  </config>\n");
    printf("  <cluster id=\"cluster\" prefix=\"host-\" suffix=\"\" radical=\"0-%d\" speed=\"1Gf\" "
           "core=\"%d\" bw=\"%.0fBps\" lat=\"%.3fus\"\n"
           "           loopback_bw=\"1000GBps\" loopback_lat=\"0us\" "
           "sharing_policy=\"SPLITDUPLEX\"/>\n</platform>\n",
           hosts - 1, cores, bandwidth, latency_s / 2 * 1e6);
}

int main(int argc, char **argv)
{
    int rank, ranks;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    int hosts = argc == 3 ? atoi(argv[1]) : 0, cores = argc == 3 ? atoi(argv[2]) : 0;
    if (ranks != 2 || hosts < 2 || cores < 1) {
        if (rank == 0) fprintf(stderr, "usage: mpirun -n 2 measure HOSTS CORES (of each)\n");
        MPI_Finalize();
        return 64;
    }
    double send_s, ignored;
    half_trip(rank, SMALL, TRIPS, &send_s); /* opens the connection */
    double small_s = half_trip(rank, SMALL, TRIPS, &send_s);
    double middle_s = half_trip(rank, MIDDLE, TRIPS / 10, &ignored);
    double large_s = half_trip(rank, LARGE, TRIPS / 10, &ignored);
    double latency_s = small_s - 2 * send_s > 1e-7 ? small_s - 2 * send_s : 1e-7;
    if (rank == 0)
        print_platform(hosts, cores, send_s, latency_s, (LARGE - MIDDLE) / (large_s - middle_s));
    MPI_Finalize();
    return 0;
}
