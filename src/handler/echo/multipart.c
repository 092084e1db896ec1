/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handler/echo/endpoint.h"

/* Bodies of forms with files. What does not fit the grammar is left out: the echo shows what
 * it understood, it does not judge. */

static const char *find(struct str in, struct str what) {
    return in.n && what.n ? memmem(in.p, in.n, what.p, what.n) : NULL;
}

static struct str from(struct str s, const char *at) {
    return (struct str){at, s.n - (size_t)(at - s.p)};
}

/* name="value" of a content-disposition line; p NULL: not there. */
static struct str disposition(struct str line, struct str key) {
    const char *at = find(line, key);

    if (!at)
        return (struct str){0};
    struct str rest = from(line, at + key.n);
    ptrdiff_t end = str_find(rest, '"');
    return (struct str){rest.p, end < 0 ? rest.n : (size_t)end};
}

static void read_part(struct json *j, struct str part, struct json_value *form,
                      struct json_value *files) {
    const char *blank = find(part, STR("\r\n\r\n"));
    struct str name = {0}, file_name = {0}, line;

    if (!blank)
        return;
    struct str head = {part.p, (size_t)(blank - part.p)};
    struct str content = from(part, blank + 4);
    while (str_cut(&head, '\n', &line)) {
        if (!str_istarts(line, STR("content-disposition:")))
            continue;
        name = disposition(line, STR(" name=\""));
        file_name = disposition(line, STR(" filename=\""));
    }
    if (name.p)
        shape_add(j, file_name.p ? files : form, name, shape_bytes(j, content));
}

void multipart_read(struct json *j, struct str body, struct str boundary, struct json_value *form,
                    struct json_value *files) {
    char mark[80] = "\r\n--";
    struct str delimiter = {mark, 4 + boundary.n};
    const char *at, *end;

    if (boundary.n > 70) /* RFC 2046 5.1.1 */
        return;
    memcpy(mark + 4, boundary.p, boundary.n);
    /* The first delimiter may stand at the very beginning, without its line break. */
    struct str first = {mark + 2, delimiter.n - 2};
    bool at_once = str_starts(body, first);
    size_t skip = at_once ? first.n : delimiter.n;
    at = at_once ? body.p : find(body, delimiter);
    for (; at; skip = delimiter.n) {
        struct str rest = from(body, at + skip);
        if (str_starts(rest, STR("--")) || !(end = find(rest, delimiter)))
            return;
        const char *line_end = find(rest, STR("\r\n"));
        if (line_end && line_end < end)
            read_part(j, (struct str){line_end + 2, (size_t)(end - line_end) - 2}, form, files);
        at = end;
    }
}
