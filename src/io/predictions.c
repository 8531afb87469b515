/* io/predictions.c - probabilities, labels and answers as data sets. */
#include "io/predictions.h"

#include <string.h>

#include "base/arena.h"
#include "hdf5_tools.h"

static int write_classes(hid_t file, const char *name, int count, const uint8_t *classes)
{
    return hdf5_write_rows(file, name, H5T_STD_U8LE, H5T_NATIVE_UINT8, (size_t)count, classes);
}

/* Texts of one length, with zeros behind them. */
static int write_names(hid_t file, const predictions *p)
{
    size_t longest = 1;
    for (int c = 0; c < p->classes; c++)
        if (strlen(p->names[c]) > longest) longest = strlen(p->names[c]);
    char *texts = memory_take((size_t)p->classes * longest);
    memset(texts, 0, (size_t)p->classes * longest);
    for (int c = 0; c < p->classes; c++)
        memcpy(texts + (size_t)c * longest, p->names[c], strlen(p->names[c]));
    hid_t type = H5Tcopy(H5T_C_S1);
    int failed = type < 0 || H5Tset_size(type, longest) < 0 ||
                 H5Tset_cset(type, H5T_CSET_UTF8) < 0 || H5Tset_strpad(type, H5T_STR_NULLPAD) < 0 ||
                 hdf5_write_rows(file, "class_names", type, type, (size_t)p->classes, texts);
    if (type >= 0) H5Tclose(type);
    memory_free(texts);
    return failed;
}

static int write_sets(hid_t file, const predictions *p)
{
    const shape rows = {2, {p->count, p->classes}};
    return hdf5_write_int(file, "format_version", 1) ||
           hdf5_write_array(file, "probabilities", H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, rows,
                            p->probabilities) ||
           write_classes(file, "labels", p->count, p->labels) ||
           write_classes(file, "predicted", p->count, p->predicted) || write_names(file, p);
}

status predictions_build(const predictions *p, unsigned char **bytes, size_t *length, failure *why)
{
    hdf5_quiet();
    *bytes = NULL;
    size_t expected = (size_t)p->count * ((size_t)p->classes * sizeof(float) + 2);
    hid_t file = hdf5_create_image(0, expected);
    int failed = file < 0 || write_sets(file, p) || hdf5_take_image(file, 0, bytes, length);
    if (file >= 0) H5Fclose(file);
    if (failed)
        return fail(why, STATUS_CANNOT_WRITE,
                    "predictions.h5 could not be built in memory (libhdf5 failed)");
    return STATUS_OK;
}
