/* data/class_names.c - names from classes.txt, of Fashion-MNIST, of EMNIST, or numbers. */
#include "data/class_names.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"

#define FILE_NAME "classes.txt"

static const char *const clothes[] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                      "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
enum { CLOTHES = sizeof clothes / sizeof *clothes };

/* EMNIST's sets, known by the names of their files, and the characters of their classes (G. Cohen et al., arXiv 1702.05373). No
 * image has class 0 of the letters. */
static const struct {
    const char *prefix, *characters;
} emnist[] = {
    {"emnist-letters-", "0ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
    {"emnist-balanced-", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"},
    {"emnist-bymerge-", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"},
    {"emnist-byclass-", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"},
};

static int is_regular(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISREG(about.st_mode);
}

static int is_text(const char *name)
{
    for (size_t at = 0; name[at];) {
        int bytes = text_character(name + at);
        if (!bytes || (unsigned char)name[at] < ' ') return 0;
        at += (size_t)bytes;
    }
    return name[0] != 0;
}

/* One line without its end and a byte order mark; 0 at the end of the file, -1 if it is no name. */
static int next_name(FILE *file, int is_first, char name[CLASS_NAME_BYTES])
{
    char line[2 * CLASS_NAME_BYTES];
    if (!fgets(line, sizeof line, file)) return 0;
    const char *text = is_first && strncmp(line, "\xef\xbb\xbf", 3) == 0 ? line + 3 : line;
    size_t length = strcspn(text, "\r\n");
    if (length >= CLASS_NAME_BYTES) return -1;
    memcpy(name, text, length);
    name[length] = 0;
    return is_text(name) ? 1 : -1;
}

static int is_known(const class_names *names, const char *name)
{
    for (int c = 0; c < names->count; c++)
        if (strcmp(names->name[c], name) == 0) return 1;
    return 0;
}

static status read_names(FILE *file, const char *path, int classes, class_names *out, failure *why)
{
    char name[CLASS_NAME_BYTES];
    for (int got; (got = next_name(file, out->count == 0, name)) != 0; out->count++) {
        if (got < 0)
            return fail(why, STATUS_BAD_DATA,
                        "%s: line %d is no name: one name a line is expected, UTF-8, 1 to %d bytes",
                        path, out->count + 1, CLASS_NAME_BYTES - 1);
        if (is_known(out, name))
            return fail(why, STATUS_BAD_DATA, "%s: line %d: %s is there twice", path,
                        out->count + 1, name);
        if (out->count == classes)
            return fail(why, STATUS_BAD_DATA, "%s: more than %d names, but the data has %d classes",
                        path, classes, classes);
        memcpy(out->name[out->count], name, sizeof name);
    }
    if (out->count < classes)
        return fail(why, STATUS_BAD_DATA, "%s: %d names, but the data has %d classes", path,
                    out->count, classes);
    return STATUS_OK;
}

/* The characters of EMNIST's classes; NULL for other data. */
static const char *emnist_characters(const dataset *d)
{
    const char *slash = strrchr(d->file[0], '/'), *file = slash ? slash + 1 : d->file[0];
    for (size_t i = 0; i < sizeof emnist / sizeof *emnist; i++)
        if (strncmp(file, emnist[i].prefix, strlen(emnist[i].prefix)) == 0 &&
            strlen(emnist[i].characters) == (size_t)d->classes)
            return emnist[i].characters;
    return NULL;
}

class_names class_names_numbers(int classes)
{
    class_names names = {.count = classes};
    for (int c = 0; c < classes; c++) snprintf(names.name[c], CLASS_NAME_BYTES, "%d", c);
    return names;
}

int class_names_are_numbers(const class_names *names)
{
    for (int c = 0; c < names->count; c++) {
        char number[16];
        snprintf(number, sizeof number, "%d", c);
        if (strcmp(names->name[c], number) != 0) return 0;
    }
    return 1;
}

int class_names_add(class_names *names, const char *name)
{
    if (names->count == DATASET_MAX_CLASSES || strlen(name) >= CLASS_NAME_BYTES || !is_text(name))
        return 0;
    snprintf(names->name[names->count++], CLASS_NAME_BYTES, "%s", name);
    return 1;
}

status class_names_of(const dataset *d, class_names *out, failure *why)
{
    char path[DATASET_PATH + sizeof FILE_NAME + 1];
    snprintf(path, sizeof path, "%s/%s", d->folder, FILE_NAME);
    *out = (class_names){.count = 0};
    FILE *file = d->folder[0] == '/' && is_regular(path) ? fopen(path, "rb") : NULL;
    if (file) {
        status code = read_names(file, path, d->classes, out, why);
        fclose(file);
        return code;
    }
    int fashion = strcmp(d->name, "Fashion-MNIST") == 0 && d->classes == CLOTHES;
    const char *characters = emnist_characters(d);
    *out = class_names_numbers(d->classes);
    for (int c = 0; c < d->classes && (fashion || characters); c++)
        if (fashion)
            snprintf(out->name[c], CLASS_NAME_BYTES, "%s", clothes[c]);
        else
            snprintf(out->name[c], CLASS_NAME_BYTES, "%c", characters[c]);
    return STATUS_OK;
}
