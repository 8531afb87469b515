/* Measures the network between two ranks, and prints it as a platform file for `scaling.py simulate`.
 *
 *   mpicc -O2 tools/platforms/measure.c -o measure
 *   mpirun -n 2 --map-by node ./measure HOSTS CORES > network.xml
 *
 * Half a round trip takes  overhead of the sender + latency + bytes / bandwidth + overhead of the receiver.
 *
 * An overhead is the time for which a message keeps the processor of one of its ends from computing: parameter o of the LogGP
 * model (A. Alexandrov, M. Ionescu, K. Schauser, C. Scheiman, "LogGP: incorporating long messages into the LogP model", 1997).
 * A rank computes for a while, and calls MPI between the pieces, as a training does. It does so without a message and with
 * one; the difference is the overhead. It holds what MPI, the kernel and, through emptier caches, the computation itself take
 * longer. Between the sizes that are measured it is interpolated. All values are medians. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRIPS = 2001,
    LOOPS = 101,
    SIZES = 6,
    LARGE = 1 << 19,
    BUFFERS = 4,       /* used in turn: a message is not in the caches of its receiver */
    VECTORS = 1 << 14, /* 1 MiB, which a piece of the computation reads                */
    LANES = 4,
    PASSES = 4,         /* of a piece over them: about 0.1 ms, as between two calls of a training */
    LEAST_PIECES = 8,   /* of a loop                                                    */
    TRIPS_PER_LOOP = 4, /* a loop takes at least as long                                */
    TAG = 1,
    NEVER = 2 /* no message has this tag: looking for one makes MPI move messages */
};

typedef float vector __attribute__((vector_size(64)));

static const int size_of[SIZES] = {64, 1 << 13, 1 << 15, 1 << 17, 1 << 18, LARGE};
static char in[BUFFERS][LARGE], out[BUFFERS][LARGE];
static vector numbers[VECTORS];
static volatile float result;
static double sample[TRIPS];

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

/* ---- latency and bandwidth ---- */

static double half_trip(int rank, int bytes, int trips)
{
    for (int i = 0; i < trips; i++) {
        double begin = MPI_Wtime();
        if (rank == 0) MPI_Send(out[0], bytes, MPI_BYTE, 1, TAG, MPI_COMM_WORLD);
        MPI_Recv(in[0], bytes, MPI_BYTE, 1 - rank, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        if (rank == 1) MPI_Send(out[0], bytes, MPI_BYTE, 0, TAG, MPI_COMM_WORLD);
        sample[i] = (MPI_Wtime() - begin) / 2;
    }
    return median(sample, trips);
}

/* ---- overheads ---- */

/* Sums of vectors, in registers: reading takes the time. */
static void compute_piece(void)
{
    vector sum[LANES] = {0};
    for (int pass = 0; pass < PASSES; pass++)
        for (int i = 0; i < VECTORS; i += LANES)
            for (int k = 0; k < LANES; k++) sum[k] += numbers[i + k];
    for (int k = 1; k < LANES; k++) sum[0] += sum[k];
    result = sum[0][0];
}

typedef enum role { NONE, SENDER, RECEIVER } role;

/* Seconds of a loop of pieces while this rank sends or receives a message. */
static double loop(int rank, role r, int bytes, int buffer, int pieces)
{
    MPI_Request request = MPI_REQUEST_NULL;
    int ignored;
    memset(out[buffer], buffer, (size_t)bytes);
    MPI_Barrier(MPI_COMM_WORLD);
    double begin = MPI_Wtime();
    if (r == RECEIVER)
        MPI_Irecv(in[buffer], bytes, MPI_BYTE, 1 - rank, TAG, MPI_COMM_WORLD, &request);
    if (r == SENDER)
        MPI_Isend(out[buffer], bytes, MPI_BYTE, 1 - rank, TAG, MPI_COMM_WORLD, &request);
    for (int i = 0; i < pieces; i++) {
        compute_piece();
        MPI_Test(&request, &ignored, MPI_STATUS_IGNORE);
        MPI_Iprobe(MPI_ANY_SOURCE, NEVER, MPI_COMM_WORLD, &ignored, MPI_STATUS_IGNORE);
    }
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    return MPI_Wtime() - begin;
}

/* Of both ranks, so that they have loops of the same length. */
static double mean_of_ranks(double own)
{
    double sum;
    MPI_Allreduce(&own, &sum, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    return sum / 2;
}

static int pieces_for(double trip_s)
{
    for (int i = 0; i < LOOPS; i++) {
        double begin = MPI_Wtime();
        compute_piece();
        sample[i] = MPI_Wtime() - begin;
    }
    double pieces = mean_of_ranks(TRIPS_PER_LOOP * trip_s / median(sample, LOOPS));
    return pieces > LEAST_PIECES ? (int)pieces : LEAST_PIECES;
}

/* Both ranks send once and receive once in each round. A round has all sizes, as a step of a training has several: what a
 * byte costs depends on the messages before it, which leave their memory in the caches or not. */
static void measure_overheads(int rank, const double *trip_s, double *send_s, double *receive_s)
{
    static double sent[SIZES][LOOPS], received[SIZES][LOOPS];
    int pieces[SIZES];
    for (int i = 0; i < SIZES; i++) pieces[i] = pieces_for(trip_s[i]);
    for (int n = 0; n < LOOPS * SIZES; n++) {
        const int i = n % SIZES, bytes = size_of[i], buffer = n % BUFFERS;
        double alone = loop(rank, NONE, bytes, buffer, pieces[i]);
        double first = loop(rank, rank == 0 ? SENDER : RECEIVER, bytes, buffer, pieces[i]);
        double second = loop(rank, rank == 0 ? RECEIVER : SENDER, bytes, buffer, pieces[i]);
        sent[i][n / SIZES] = (rank == 0 ? first : second) - alone;
        received[i][n / SIZES] = (rank == 0 ? second : first) - alone;
    }
    for (int i = 0; i < SIZES; i++) {
        send_s[i] = mean_of_ranks(median(sent[i], LOOPS));
        receive_s[i] = mean_of_ranks(median(received[i], LOOPS));
    }
}

/* A larger message does not take less: differences of the smallest ones are noise. */
static void make_ascending(double *overhead, double least)
{
    for (int i = 0; i < SIZES; i++) {
        if (overhead[i] < least) overhead[i] = least;
        least = overhead[i];
    }
}

/* ---- the file ---- */

/* Sections "bytes:constant:per byte", each from its number of bytes on; messages of 0 bytes stand for barriers and are free. */
static void print_overhead(const char *name, const double *overhead)
{
    printf("    <prop id=\"smpi/%s\" value=\"0:0:0;1:%.4e:0", name, overhead[0]);
    for (int i = 0; i + 1 < SIZES; i++) {
        double per_byte = (overhead[i + 1] - overhead[i]) / (size_of[i + 1] - size_of[i]);
        printf(";%d:%.4e:%.4e", size_of[i], overhead[i] - per_byte * size_of[i], per_byte);
    }
    printf("\"/>\n");
}

static void print_platform(int hosts, int cores, const double *send_s, const double *receive_s,
                           double latency_s, double bandwidth)
{
    printf("<?xml version='1.0'?>\n"
           "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
           "<!-- Measured by tools/platforms/measure.c -->\n"
           "<platform version=\"4.1\">\n  <config>\n");
    print_overhead("os", send_s);
    print_overhead("ois", send_s);
    print_overhead("or", receive_s);
    printf("    <prop id=\"smpi/send-is-detached-thresh\" value=\"2000000000\"/>\n"
           "    <prop id=\"smpi/bw-factor\" value=\"0:1\"/>\n"
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

static double at_least(double value, double least)
{
    return value > least ? value : least;
}

static void measure(int rank, int hosts, int cores)
{
    const double shortest = 1e-7; /* of a latency or an overhead */
    const double fastest = 1e-11; /* seconds for a byte          */
    double trip_s[SIZES], send_s[SIZES], receive_s[SIZES];
    for (int i = 0; i < VECTORS; i++) numbers[i] += (float)rank;
    half_trip(rank, size_of[0], TRIPS); /* opens the connection */
    for (int i = 0; i < SIZES; i++) trip_s[i] = half_trip(rank, size_of[i], i ? TRIPS / 10 : TRIPS);
    measure_overheads(rank, trip_s, send_s, receive_s);
    make_ascending(send_s, shortest);
    make_ascending(receive_s, shortest);
    double latency_s = at_least(trip_s[0] - send_s[0] - receive_s[0], shortest);
    double largest = trip_s[SIZES - 1] - send_s[SIZES - 1] - receive_s[SIZES - 1] - latency_s;
    if (rank == 0)
        print_platform(hosts, cores, send_s, receive_s, latency_s,
                       1 / at_least(largest / LARGE, fastest));
    for (int i = 0; i < SIZES && rank == 0; i++)
        fprintf(stderr, "%7d bytes: %8.1f us to send, %8.1f us to receive, half a trip %8.1f us\n",
                size_of[i], send_s[i] * 1e6, receive_s[i] * 1e6, trip_s[i] * 1e6);
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
    measure(rank, hosts, cores);
    MPI_Finalize();
    return 0;
}
