/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_ARGS_H
#define BASE_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"

/* The words of a command line, read against a table of the flags that a command has.
 *
 * GNU manners: --flag=value, --flag value, -o value, -ovalue, -kv for -k -v; flags and
 * other words in any order, "--" ends the flags, "-" is an ordinary word. A value that
 * begins with "-" needs the "=" (or to be glued to its short form), so that a forgotten
 * value does not eat the next flag. Nothing is printed and nothing exits in here.
 *
 * Every value points into argv (or at static text) and is terminated. */

enum args_kind {
    ARGS_FLAG,     /* there or not; may be repeated (-vv) */
    ARGS_SWITCH,   /* --x, --x=on, --x=off: the value is "on" or "off" */
    ARGS_VALUE,    /* once */
    ARGS_OPTIONAL, /* --x or --x=VALUE: without one the value is "" */
    ARGS_LIST,     /* any number of times */
};

struct args_row {
    const char *name; /* without the dashes */
    char letter;      /* 0: no short form */
    enum args_kind kind;
    const char *value_name; /* "FILE"; NULL: "VALUE", or "on|off" of a switch */
    const char *help;       /* NULL: not shown */
    const char *group;      /* the heading in the help; NULL: that of the row before */
};

struct args_table {
    const struct args_row *rows;
    size_t n;
};

struct args_given {
    size_t row; /* index into the table */
    struct str value;
};

struct args {
    const struct args_table *table;
    struct args_given *given; /* in the order of the command line */
    size_t n_given;
    struct str *words; /* what is no flag */
    size_t n_words;
};

/* argv[0] is the first word to look at: cut off the names of program and command before.
 * 0, ERR_NO_MEMORY, or ERR_INVALID: then message has one line without newline, for stderr.
 * Only after 0 there is something for args_fini; after an error it does nothing. */
int args_parse(struct args *a, const struct args_table *table, int argc, char **argv,
               struct buf *message);
void args_fini(struct args *a);

/* By name, which must be in the table. */
bool args_has(const struct args *a, const char *name);
unsigned args_count(const struct args *a, const char *name);
const char *args_value(const struct args *a, const char *name); /* the last; NULL: not given */

/* The flags as two columns of at most 80 characters, with the groups' headings. */
void args_help(const struct args_table *table, struct buf *to);

/* The word nearest to a wrong one among n, or NULL when none is near: for "did you mean". */
const char *args_nearest(struct str wrong, const char *const *words, size_t n);

#endif
