/* io/hdf5_walk.c - visits every dataset below a group, in a fixed order, through hard links only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "hdf5_tools.h"

typedef struct walk {
    hdf5_visitor visit;
    void *context;
    failure *why;
    int objects;
} walk;

typedef struct link_name {
    char text[HDF5_MAX_NAME];
} link_name;

static status walk_group(walk *w, hid_t group, const char *path, int depth);

/* "2" before "10", "dense_2" before "dense_10": runs of digits compare as numbers. */
static int compare_names(const void *left, const void *right)
{
    const char *a = ((const link_name *)left)->text, *b = ((const link_name *)right)->text;
    static const char digit[] = "0123456789";
    while (*a && *b) {
        size_t la = strspn(a, digit), lb = strspn(b, digit);
        if (la && lb) {
            if (la != lb) return la < lb ? -1 : 1; /* numbers are written without leading zeros */
            int order = memcmp(a, b, la);
            if (order) return order;
            a += la, b += lb;
        } else {
            if (*a != *b) return *a < *b ? -1 : 1;
            a++, b++;
        }
    }
    return (*a != 0) - (*b != 0);
}

static int tracks_order(hid_t group)
{
    unsigned flags = 0;
    hid_t creation = H5Gget_create_plist(group);
    H5Pget_link_creation_order(creation, &flags);
    H5Pclose(creation);
    return (flags & H5P_CRT_ORDER_INDEXED) != 0;
}

/* The names of a group's links in the order of the walk; fails if a link is not hard, or its name too long. */
static status list_links(const walk *w, hid_t group, const char *path, link_name *name,
                         hsize_t links)
{
    int tracked = tracks_order(group);
    H5_index_t index = tracked ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
    for (hsize_t i = 0; i < links; i++) {
        H5L_info_t about;
        if (H5Lget_info_by_idx(group, ".", index, H5_ITER_INC, i, &about, H5P_DEFAULT) < 0)
            return fail(w->why, STATUS_BAD_DATA, "group %s is damaged", path);
        ssize_t length = H5Lget_name_by_idx(group, ".", index, H5_ITER_INC, i, name[i].text,
                                            HDF5_MAX_NAME, H5P_DEFAULT);
        if (length <= 0 || length >= HDF5_MAX_NAME)
            return fail(w->why, STATUS_BAD_DATA, "group %s has a name that cannot be read", path);
        if (about.type != H5L_TYPE_HARD)
            return fail(w->why, STATUS_BAD_DATA, "%s/%s is %s link: refused, it can point anywhere",
                        path, name[i].text, about.type == H5L_TYPE_SOFT ? "a soft" : "an external");
    }
    if (!tracked) qsort(name, links, sizeof *name, compare_names);
    return STATUS_OK;
}

/* How many links lead to the object; 0 if it cannot be told. */
static unsigned links_to(hid_t object)
{
#if H5_VERSION_GE(1, 12, 0)
    H5O_info2_t about;
    return H5Oget_info3(object, &about, H5O_INFO_BASIC) < 0 ? 0 : about.rc;
#else
    H5O_info_t about;
    return H5Oget_info2(object, &about, H5O_INFO_BASIC) < 0 ? 0 : about.rc;
#endif
}

static status walk_object(walk *w, hid_t group, const char *path, const char *name, int depth)
{
    char below[HDF5_MAX_PATH];
    if (snprintf(below, sizeof below, "%s/%s", path, name) >= HDF5_MAX_PATH ||
        depth > HDF5_MAX_DEPTH || ++w->objects > HDF5_MAX_OBJECTS)
        return fail(w->why, STATUS_BAD_DATA, "%s has more or deeper groups than a weights file",
                    path);
    hid_t object = H5Oopen(group, name, H5P_DEFAULT);
    if (object < 0) return fail(w->why, STATUS_BAD_DATA, "%s is damaged", below);
    H5I_type_t kind = H5Iget_type(object);
    status code = STATUS_OK;
    if (links_to(object) > 1) /* a small file could stand for any amount of data, or hold itself */
        code = fail(w->why, STATUS_BAD_DATA, "%s has more than one name (hard link): refused",
                    below);
    else if (kind == H5I_GROUP)
        code = walk_group(w, object, below, depth);
    else if (kind == H5I_DATASET)
        code = w->visit(w->context, object, below, w->why);
    H5Oclose(object);
    return code;
}

static status walk_group(walk *w, hid_t group, const char *path, int depth)
{
    H5G_info_t about;
    if (H5Gget_info(group, &about) < 0 || about.nlinks > HDF5_MAX_OBJECTS)
        return fail(w->why, STATUS_BAD_DATA, "group %s is damaged", path);
    link_name *name = memory_take((size_t)about.nlinks * sizeof *name);
    status code = list_links(w, group, path, name, about.nlinks);
    for (hsize_t i = 0; i < about.nlinks && !code; i++)
        code = walk_object(w, group, path, name[i].text, depth + 1);
    memory_free(name);
    return code;
}

status hdf5_walk(hid_t group, const char *path, hdf5_visitor visit, void *context, failure *why)
{
    walk w = {.visit = visit, .context = context, .why = why};
    return walk_group(&w, group, path, 0);
}
