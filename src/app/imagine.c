/* app/imagine.c - a layout that was not started. */
#include "app/launch.h"

status launch_imagine(const app *a, app *as, comm_layout *l, failure *why)
{
    const int ranks = a->o.ranks, hosts = a->o.hosts;
    *as = *a;
    *l = *a->layout;
    as->layout = l;
    if (!ranks && !hosts) return STATUS_OK;
    l->hosts = hosts ? hosts : 1;
    l->ranks = ranks ? ranks : l->hosts > l->ranks ? l->hosts : l->ranks;
    l->sharing_note[0] = as->advice.warning[0] = 0;
    if (l->ranks < l->hosts)
        return fail(why, STATUS_USAGE, "--ranks=%d --hosts=%d: a host has at least one rank",
                    l->ranks, l->hosts);
    l->host_ranks = (l->ranks + l->hosts - 1) / l->hosts;
    l->groups = a->o.cfg.share == SHARE_OFF ? l->ranks : l->hosts;
    int cores = a->advice.cores, asked = launch_asked_threads(a);
    int threads = asked ? asked : cores / l->host_ranks > 1 ? cores / l->host_ranks : 1;
    as->threads_least = as->threads_most = threads;
    as->cores_total = cores * l->hosts;
    as->workers = threads * l->ranks;
    as->crowded = threads * l->host_ranks > cores;
    return STATUS_OK;
}
