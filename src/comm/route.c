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

int route_quarters(range set, range child[ROUTE_QUARTERS])
{
    const int mid = route_middle(set);
    const range half[] = {{set.lo, mid}, {mid, set.hi}};
    int children = 0;
    for (int i = 0; i < 2; i++) {
        const int cut = half[i].hi - half[i].lo > 1 ? route_middle(half[i]) : half[i].hi;
        child[children++] = (range){half[i].lo, cut};
        if (cut < half[i].hi) child[children++] = (range){cut, half[i].hi};
    }
    return children;
}

int route_height(range set, int halves)
{
    range child[ROUTE_QUARTERS];
    int most = 0;
    if (set.hi - set.lo < 2) return 0;
    if (!halves) return 1;
    for (int i = route_quarters(set, child); i-- > 0;) {
        int height = route_height(child[i], 1);
        if (height > most) most = height;
    }
    return 1 + most;
}

static int has(range r, int number)
{
    return r.lo <= number && number < r.hi;
}

static void split(route_level *l, range set, int halves, int group, arena *memory)
{
    const int most = halves ? ROUTE_QUARTERS : set.hi - set.lo;
    l->child = arena_take(memory, (size_t)most * sizeof *l->child);
    l->children = halves ? route_quarters(set, l->child) : most;
    for (int i = 0; i < l->children; i++) {
        if (!halves) l->child[i] = (range){set.lo + i, set.lo + i + 1};
        if (has(l->child[i], group)) l->own = i;
    }
}

/* ---- holders and deputies ---- */

/* While the ways of a rank are found: for the set that is looked at, [ranks] each. */
typedef struct search {
    const route_layout *layout;
    const route_weight *owned;
    int ranks, rank;
    int *holder;              /* of each owner's slices; NO_DEPUTY: it owns none */
    route_weight *weight;     /* of what each rank holds                         */
    route_weight *load;       /* scratch: with what it holds as a deputy         */
    route_weight *group_load; /* scratch: the same of all ranks of a group       */
    int *deputy;              /* of each holder                                  */
} search;

static range ranks_of(const search *s, range groups)
{
    return (range){s->layout->group_start[groups.lo], s->layout->group_start[groups.hi]};
}

static int is_nothing(route_weight w)
{
    for (int k = 0; k < ROUTE_KINDS; k++)
        if (w.kind[k]) return 0;
    return 1;
}

static void add(route_weight *to, route_weight w)
{
    for (int k = 0; k < ROUTE_KINDS; k++) to->kind[k] += w.kind[k];
}

static void weigh(search *s)
{
    for (int r = 0; r < s->ranks; r++) s->weight[r] = (route_weight){{0}};
    for (int o = 0; o < s->ranks; o++)
        if (s->holder[o] != NO_DEPUTY) add(&s->weight[s->holder[o]], s->owned[o]);
}

/* By how much the squares of a load grow with a weight, apart from the square of the weight. */
static int64_t growth(route_weight load, route_weight w)
{
    int64_t sum = 0;
    for (int k = 0; k < ROUTE_KINDS; k++) sum += load.kind[k] * w.kind[k];
    return sum;
}

/* The number in `among` whose load grows least by w. */
static int best_for(route_weight w, const route_weight *load, range among)
{
    int best = among.lo;
    for (int i = best + 1; i < among.hi; i++)
        if (growth(load[i], w) < growth(load[best], w)) best = i;
    return best;
}

/* Finds the deputies in one child of all ranks of the set that hold anything. */
static void find_deputies(search *s, range set, range child)
{
    const range all = ranks_of(s, set), in = ranks_of(s, child);
    for (int g = child.lo; g < child.hi; g++) {
        const range members = ranks_of(s, (range){g, g + 1});
        s->group_load[g] = (route_weight){{0}};
        for (int r = members.lo; r < members.hi; r++) {
            s->load[r] = s->weight[r];
            add(&s->group_load[g], s->weight[r]);
        }
    }
    for (int r = all.lo; r < all.hi; r++) {
        const route_weight w = s->weight[r];
        s->deputy[r] = has(in, r) ? r : NO_DEPUTY;
        if (has(in, r) || is_nothing(w)) continue;
        const int group = best_for(w, s->group_load, child);
        s->deputy[r] = best_for(w, s->load, ranks_of(s, (range){group, group + 1}));
        add(&s->group_load[group], w);
        add(&s->load[s->deputy[r]], w);
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

static search begin_search(const route_layout *layout, const route_weight *owned, int rank)
{
    const int ranks = layout->group_start[layout->groups];
    const size_t count = (size_t)ranks;
    search s = {.layout = layout, .owned = owned, .ranks = ranks, .rank = rank};
    s.holder = memory_take(count * sizeof *s.holder);
    s.weight = memory_take(count * sizeof *s.weight);
    s.load = memory_take(count * sizeof *s.load);
    s.group_load = memory_take((size_t)layout->groups * sizeof *s.group_load);
    s.deputy = memory_take(count * sizeof *s.deputy);
    for (int o = 0; o < ranks; o++) s.holder[o] = is_nothing(owned[o]) ? NO_DEPUTY : o;
    return s;
}

static void end_search(search *s)
{
    memory_free(s->holder);
    memory_free(s->weight);
    memory_free(s->load);
    memory_free(s->group_load);
    memory_free(s->deputy);
}

route *route_new(const route_layout *layout, const route_weight *owned, int halves, int rank,
                 arena *memory)
{
    route *w = arena_take(memory, sizeof *w);
    const int group = group_of(layout, rank);
    range set = {0, layout->groups};
    search s = begin_search(layout, owned, rank);
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
