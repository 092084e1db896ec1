/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/config/config_line.h"

#include <stdbool.h>

#include "base/err.h"

/* What stands for ";" within quotes while inih looks at the line; no text has it, as control
 * characters are refused. */
enum { HIDDEN_SEMICOLON = 1 };

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static bool begins_comment(struct str line, size_t i) {
    return (line.p[i] == ';' || line.p[i] == '#') && (i == 0 || is_blank(line.p[i - 1]));
}

static const char *control_problem(struct str line) {
    for (size_t i = 0; i < line.n; i++) {
        unsigned char c = (unsigned char)line.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return "a control character is in this line: remove it";
    }
    return NULL;
}

/* Where a quoted value's text begins; 0: the value is not quoted, its first character is none. */
static size_t quoted_begin(struct str line) {
    ptrdiff_t equals = str_find(line, '=');
    size_t i = equals < 0 ? line.n : (size_t)equals + 1;

    while (i < line.n && is_blank(line.p[i]))
        i++;
    return i < line.n && line.p[i] == '"' ? i + 1 : 0;
}

/* Position of the comment, or of the end. */
static size_t comment_begin(struct str line, size_t from) {
    while (from < line.n && !begins_comment(line, from))
        from++;
    return from;
}

static const char *cut_comment(struct str *line) {
    size_t comment = comment_begin(*line, 0), quoted = quoted_begin(*line);

    if (quoted && comment >= quoted) {
        struct str rest = {line->p + quoted, line->n - quoted};
        ptrdiff_t end = str_find(rest, '"');
        if (end < 0)
            return "the value's second quote is missing: write key = \"value\"";
        size_t behind = quoted + (size_t)end + 1;
        comment = comment_begin(*line, behind);
        if (str_trim((struct str){line->p + behind, comment - behind}).n > 0)
            return "something stands behind the value's second quote: a comment begins with ;";
    }
    *line = str_trim((struct str){line->p, comment});
    return NULL;
}

static const char *section_problem(struct str line) {
    ptrdiff_t end = str_find(line, ']');

    if (end < 0)
        return "the \"]\" is missing: write [kind name]";
    if ((size_t)end + 1 < line.n)
        return "something stands behind the \"]\": a comment begins with ;";
    return end - 1 > CONFIG_SECTION_MAX ? "this name is too long: kind and name together may have "
                                          "49 characters"
                                        : NULL;
}

static const char *shape_problem(struct str line) {
    size_t key = 0;

    if (line.n == 0)
        return NULL;
    if (line.p[0] == '[')
        return section_problem(line);
    while (key < line.n && line.p[key] != '=' && line.p[key] != ':')
        key++;
    if (key == 0 || key == line.n || line.p[key] != '=')
        return "not understood: write [kind name] or key = value";
    return NULL;
}

/* The byte order mark of Windows' editors. Blanks may stand before it: inih takes blanks away,
 * then the mark, and would see another line than we did. */
static struct str without_mark(struct str line) {
    struct str mark = STR("\xef\xbb\xbf");

    line = str_trim(line);
    while (str_starts(line, mark))
        line = str_trim((struct str){line.p + mark.n, line.n - mark.n});
    return line;
}

int config_line_clean(struct str line, char *to, size_t cap, const char **ret_problem) {
    const char *problem;

    to[0] = '\0';
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    problem =
        line.n + 1 >= cap ? "this line is too long: 4094 characters fit" : control_problem(line);
    line = without_mark(line);
    if (!problem)
        problem = cut_comment(&line);
    if (!problem)
        problem = shape_problem(line);
    if (problem) {
        *ret_problem = problem;
        return ERR_INVALID;
    }
    size_t quoted = quoted_begin(line);
    for (size_t i = 0; i < line.n; i++)
        to[i] = quoted && i >= quoted && line.p[i] == ';' ? HIDDEN_SEMICOLON : line.p[i];
    to[line.n] = '\0';
    return 0;
}

struct str config_line_value(char *value) {
    struct str s = str_of(value);

    if (s.n < 2 || s.p[0] != '"')
        return s;
    for (size_t i = 0; i < s.n; i++)
        if (value[i] == HIDDEN_SEMICOLON)
            value[i] = ';';
    value[s.n - 1] = '\0';
    return (struct str){s.p + 1, s.n - 2};
}
