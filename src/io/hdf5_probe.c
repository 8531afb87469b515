/* io/hdf5_probe.c - reads all of an HDF5 image in a child process with limits. */
#include "hdf5_probe.h"

#include <malloc.h>
#include <string.h>

#include "child.h"
#include "hdf5_tools.h"

/* A group can be linked into itself: the walk ends at these limits. */
typedef struct reading {
    size_t length; /* of the image */
    int objects;
} reading;

static void read_object(reading *r, hid_t object, int depth);

/* Reads `points` values of this type, if the file can hold them. */
static void *room_for(const reading *r, hssize_t points, size_t size)
{
    if (points <= 0 || !size || (size_t)points > r->length * HDF5_LARGEST_RATIO / size) return NULL;
    return H5allocate_memory((size_t)points * size, 0);
}

static herr_t read_attribute(hid_t object, const char *name, const H5A_info_t *info, void *context)
{
    (void)info;
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    void *values = room_for(context, H5Sget_simple_extent_npoints(space), H5Tget_size(type));
    if (values && H5Aread(attribute, type, values) >= 0)
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, values);
    H5free_memory(values);
    H5Tclose(type);
    H5Sclose(space);
    H5Aclose(attribute);
    return 0;
}

/* Are the values in the image itself? */
static int is_inside(hid_t dataset)
{
    hid_t creation = H5Dget_create_plist(dataset);
    int inside = H5Pget_external_count(creation) == 0 && H5Pget_layout(creation) != H5D_VIRTUAL;
    H5Pclose(creation);
    return inside;
}

static void read_values(const reading *r, hid_t dataset)
{
    if (!is_inside(dataset)) return;
    hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
    void *values = room_for(r, H5Sget_simple_extent_npoints(space), H5Tget_size(type));
    if (values && H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0)
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, values);
    H5free_memory(values);
    H5Tclose(type);
    H5Sclose(space);
}

static void read_group(reading *r, hid_t group, int depth)
{
    H5G_info_t about;
    if (depth >= HDF5_MAX_DEPTH || H5Gget_info(group, &about) < 0) return;
    for (hsize_t i = 0; i < about.nlinks && r->objects < HDF5_MAX_OBJECTS; i++, r->objects++) {
        char name[HDF5_MAX_NAME];
        H5L_info_t link;
        ssize_t length = H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, name,
                                            sizeof name, H5P_DEFAULT);
        if (length <= 0 || length >= HDF5_MAX_NAME) continue;
        if (H5Lget_info(group, name, &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD)
            continue;
        hid_t object = H5Oopen(group, name, H5P_DEFAULT);
        if (object < 0) continue;
        read_object(r, object, depth + 1);
        H5Oclose(object);
    }
}

static void read_object(reading *r, hid_t object, int depth)
{
    H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, read_attribute, r);
    H5I_type_t kind = H5Iget_type(object);
    if (kind == H5I_GROUP || kind == H5I_FILE) read_group(r, object, depth);
    if (kind == H5I_DATASET) read_values(r, object);
}

typedef struct image {
    const void *bytes;
    size_t length;
} image;

static status pass_over(void *context, hid_t dataset, const char *path, failure *why)
{
    (void)context, (void)dataset, (void)path, (void)why;
    return STATUS_OK;
}

/* Also makes the calls of hdf5_walk, as the caller will. An error is found by the caller too, who can name it. */
static void read_image(void *context, int out)
{
    enum { GARBAGE = 0x5a };
    const image *i = context;
    (void)out;
    /* libhdf5 frees pointers that it has not set: with this they are no 0, and it crashes here */
    mallopt(M_PERTURB, GARBAGE);
    hid_t file = hdf5_open_image(i->bytes, i->length);
    if (file < 0) return;
    reading r = {.length = i->length};
    hdf5_walk(file, "", pass_over, NULL, NULL);
    read_object(&r, file, 0);
    H5Fclose(file);
    H5close(); /* frees all: a heap that was overwritten is seen by then */
}

status hdf5_probe(const void *bytes, size_t length, const char *path, failure *why)
{
    image i = {bytes, length};
    child_end end = child_run(read_image, &i, length, NULL);
    if (end.well) return STATUS_OK;
    if (end.at_limit)
        return fail(
            why, STATUS_BAD_DATA,
            "%s: damaged HDF5: libhdf5 does not come to an end with it: was the file cut or "
            "changed?",
            path);
    return fail(why, STATUS_BAD_DATA,
                "%s: damaged HDF5: libhdf5 crashes on it (%s): was the file cut or changed?", path,
                end.signal ? strsignal(end.signal) : "its process ended early");
}
