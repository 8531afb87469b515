/* comm/route.c - splits the groups, and chooses who holds which slices in which set. */
#include "route.h"

#include "base/error.h"

range route_leaves(const route_layout *layout, range groups, int leaves)
{
    const int *start = layout->group_start, ranks = start[layout->groups];
    return (range){range_share(leaves, start[groups.lo], ranks).lo,
                   range_share(leaves, start[groups.hi] - 1, ranks).hi};
}

/* ---- sets and children ---- */

/* Where a set splits in two: the number that is divisible by the largest power of two, in its middle third. If groups have
 * equal numbers of leaves, the tree splits there, too. */
int route_middle(range set)
{
    const int third = (set.hi - set.lo + 2) / 3;
    int best = set.lo + third;
    for (int at = best + 1; at <= set.hi - third; at++)
        if ((at & -at) > (best & -best)) best = at;
    return best;
}

int route_height(range set, int halves)
{
    if (set.hi - set.lo < 2) return 0;
    if (!halves) return 1;
    int mid = route_middle(set), left = route_height((range){set.lo, mid}, 1),
        right = route_height((range){mid, set.hi}, 1);
    return 1 + (left > right ? left : right);
}

static int has(range r, int number)
{
    return r.lo <= number && number < r.hi;
}

static void split(route_level *l, range set, int halves, int group, arena *memory)
{
    l->children = halves ? 2 : set.hi - set.lo;
    l->child = arena_take(memory, (size_t)l->children * sizeof *l->child);
    for (int i = 0, lo = set.lo; i < l->children; i++) {
        int hi = i == l->children - 1 ? set.hi : halves ? route_middle(set) : lo + 1;
        l->child[i] = (range){lo, hi};
        if (has(l->child[i], group)) l->own = i;
        lo = hi;
    }
}

/* ---- holders and deputies ---- */

/* While the ways of a rank are found: for the set that is looked at, [ranks] each. */
typedef struct search {
    const route_layout *layout;
    const size_t *floats;
    int ranks, rank;
    int *holder;    /* of each owner's slices; NO_DEPUTY: it owns none */
    size_t *weight; /* floats that each rank holds                     */
    size_t *load;   /* scratch: with what it holds as a deputy         */
    int *deputy;    /* of each holder                                  */
} search;

static range ranks_of(const search *s, range groups)
{
    return (range){s->layout->group_start[groups.lo], s->layout->group_start[groups.hi]};
}

static void weigh(search *s)
{
    for (int r = 0; r < s->ranks; r++) s->weight[r] = 0;
    for (int o = 0; o < s->ranks; o++)
        if (s->holder[o] != NO_DEPUTY) s->weight[s->holder[o]] += s->floats[o];
}

static int lightest(const size_t *load, range ranks)
{
    int best = ranks.lo;
    for (int r = best + 1; r < ranks.hi; r++)
        if (load[r] < load[best]) best = r;
    return best;
}

/* Finds the deputies in one child of all ranks of the set that hold anything. */
static void find_deputies(search *s, range set, range child)
{
    const range all = ranks_of(s, set), in = ranks_of(s, child);
    for (int r = in.lo; r < in.hi; r++) s->load[r] = s->weight[r];
    for (int r = all.lo; r < all.hi; r++) {
        s->deputy[r] = has(in, r) ? r : NO_DEPUTY;
        if (has(in, r) || s->weight[r] == 0) continue;
        s->deputy[r] = lightest(s->load, in);
        s->load[s->deputy[r]] += s->weight[r];
    }
}

/* The owners of what `rank` holds. */
static route_owners owners_of(const search *s, int rank, arena *memory)
{
    route_owners held = {0};
    for (int o = 0; o < s->ranks; o++) held.count += s->holder[o] == rank;
    held.rank = arena_take(memory, (size_t)held.count * sizeof *held.rank);
    for (int o = 0, i = 0; o < s->ranks; o++)
        if (s->holder[o] == rank) held.rank[i++] = o;
    return held;
}

static int is_ward(const search *s, int rank)
{
    return rank != s->rank && s->deputy[rank] == s->rank;
}

/* The ranks of the other children whose deputy this rank is: find_deputies was for its own child. */
static void find_wards(const search *s, route_level *l, arena *memory)
{
    const range set = {l->child[0].lo, l->child[l->children - 1].hi}, all = ranks_of(s, set);
    for (int r = all.lo; r < all.hi; r++) l->wards += is_ward(s, r);
    l->ward = arena_take(memory, (size_t)l->wards * sizeof *l->ward);
    for (int child = 0, i = 0; child < l->children; child++) {
        range in = ranks_of(s, l->child[child]);
        for (int r = in.lo; r < in.hi; r++)
            if (is_ward(s, r)) l->ward[i++] = (route_ward){r, child, owners_of(s, r, memory)};
    }
}

static void find_level(search *s, route_level *l, arena *memory)
{
    const range set = {l->child[0].lo, l->child[l->children - 1].hi};
    weigh(s);
    l->held = owners_of(s, s->rank, memory);
    l->deputy = arena_take(memory, (size_t)l->children * sizeof *l->deputy);
    for (int i = 0; i < l->children; i++) {
        l->deputy[i] = NO_DEPUTY;
        if (i == l->own || l->held.count == 0) continue;
        find_deputies(s, set, l->child[i]);
        l->deputy[i] = s->deputy[s->rank];
    }
    find_deputies(s, set, l->child[l->own]);
    find_wards(s, l, memory);
    for (int o = 0; o < s->ranks; o++)
        if (s->holder[o] != NO_DEPUTY) s->holder[o] = s->deputy[s->holder[o]];
}

static int group_of(const route_layout *layout, int rank)
{
    int g = 0;
    while (layout->group_start[g + 1] <= rank) g++;
    return g;
}

static search begin_search(const route_layout *layout, const size_t *floats, int rank)
{
    const int ranks = layout->group_start[layout->groups];
    const size_t count = (size_t)ranks;
    search s = {.layout = layout, .floats = floats, .ranks = ranks, .rank = rank};
    s.holder = memory_take(count * sizeof *s.holder);
    s.weight = memory_take(count * sizeof *s.weight);
    s.load = memory_take(count * sizeof *s.load);
    s.deputy = memory_take(count * sizeof *s.deputy);
    for (int o = 0; o < ranks; o++) s.holder[o] = floats[o] ? o : NO_DEPUTY;
    return s;
}

static void end_search(search *s)
{
    memory_free(s->holder);
    memory_free(s->weight);
    memory_free(s->load);
    memory_free(s->deputy);
}

route *route_new(const route_layout *layout, const size_t *floats, int halves, int rank,
                 arena *memory)
{
    route *w = arena_take(memory, sizeof *w);
    const int group = group_of(layout, rank);
    range set = {0, layout->groups};
    search s = begin_search(layout, floats, rank);
    w->height = route_height(set, halves);
    CHECK(w->height <= ROUTE_MAX_LEVELS, "%d groups split %d times", layout->groups, w->height);
    while (set.hi - set.lo > 1) {
        route_level *l = &w->level[w->levels++];
        l->first_deputy = w->deputies;
        l->first_ward = w->wards;
        split(l, set, halves, group, memory);
        find_level(&s, l, memory);
        w->deputies += l->children;
        w->wards += l->wards;
        set = l->child[l->own];
    }
    end_search(&s);
    return w;
}
