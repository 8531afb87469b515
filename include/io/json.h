/* json.h - JSON values as text, and numbers of JSON objects.                          room: io
 *
 * A path or a file's name is a row of bytes, and JSON's texts are UTF-8. So in JSON a path is text in which a byte that is
 * not part of UTF-8 stands as %XX, two hexadecimal digits. A % that two such digits follow stands as %25; any other % stays.
 * A path in UTF-8 without such a % is the same text. Python: os.fsdecode(urllib.parse.unquote_to_bytes(text)).
 *
 * Objects are built and parsed with jansson; this file turns them into text and reads members.
 *
 * Threads: any, each with values of its own.   Collective: no.   Errors: CHECK if memory runs out, or if `value` is NULL
 * because a part of it is not JSON (a text that is not UTF-8, a number that is not finite).   Test: tests/io/io_json.c
 */
#ifndef MNIST_DIST_IO_JSON_H
#define MNIST_DIST_IO_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

typedef enum json_layout {
    JSON_ONE_LINE, /* {"a":1,"b":[2,3]}                    */
    JSON_INDENTED  /* each member on a line, by 2 blanks    */
} json_layout;

/* The text of a value, with a 0 behind it and no newline; members in the order in which they were added. Reals have `digits`
 * significant digits, 1 to 17; 17 give every double back, 9 every float. Takes over the value (as json_decref does); the
 * caller frees the text with memory_free. */
char *json_to_text(json_t *value, json_layout layout, int digits);

/* A new value: the number, or null where it is not finite. */
json_t *json_real_or_null(double value);

/* The number in member `key` of an object; NaN if there is none. */
double json_real_of(const json_t *object, const char *key);
/* The integer in it; `otherwise` if there is none. */
int64_t json_whole_of(const json_t *object, const char *key, int64_t otherwise);

/* A new text for these bytes of a path. */
json_t *json_path(const char *path);

/* The bytes of such a text into out[size]. Returns 0 if they do not fit, or if one of them is 0. */
int json_path_bytes(const char *text, char *out, size_t size);

#endif
