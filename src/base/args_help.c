/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/args.h"

enum { HELP_WIDTH = 80, LEFT_MOST = 30, GAP = 2 };

/* Characters, not bytes: help texts may have some UTF-8. */
static size_t width(struct str s) {
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

static void spaces(struct buf *to, size_t n) {
    while (n-- > 0)
        buf_char(to, ' ');
}

static bool has_letters(const struct args_table *table) {
    for (size_t i = 0; i < table->n; i++)
        if (table->rows[i].letter && table->rows[i].help)
            return true;
    return false;
}

static void left_part(const struct args_row *row, bool letters, struct buf *to) {
    const char *value = row->value_name;

    if (row->letter)
        buf_format(to, "  -%c, --%s", row->letter, row->name);
    else
        buf_format(to, "  %s--%s", letters ? "    " : "", row->name);
    if (row->kind == ARGS_SWITCH)
        buf_format(to, "[=%s]", value ? value : "on|off");
    else if (row->kind == ARGS_OPTIONAL)
        buf_format(to, "[=%s]", value ? value : "VALUE");
    else if (row->kind != ARGS_FLAG)
        buf_format(to, " %s", value ? value : "VALUE");
}

static size_t left_width(const struct args_table *table, bool letters) {
    struct buf left;
    size_t most = 0;

    buf_init(&left);
    for (size_t i = 0; i < table->n; i++) {
        buf_reset(&left);
        left_part(&table->rows[i], letters, &left);
        if (table->rows[i].help && left.n > most && left.n <= LEFT_MOST)
            most = left.n;
    }
    buf_fini(&left);
    return most + GAP;
}

/* Words from column `left` on, the first line being there already. */
static void wrapped(struct str text, size_t left, struct buf *to) {
    size_t column = left;
    struct str word;

    while (str_cut(&text, ' ', &word)) {
        if (column > left && column + 1 + width(word) > HELP_WIDTH) {
            buf_char(to, '\n');
            spaces(to, left);
            column = left;
        }
        if (column > left) {
            buf_char(to, ' ');
            column++;
        }
        buf_str(to, word);
        column += width(word);
    }
    buf_char(to, '\n');
}

static void help_row(const struct args_row *row, size_t left, bool letters, struct buf *to) {
    size_t before = to->n, used;

    left_part(row, letters, to);
    used = to->n - before;
    if (used + GAP > left) {
        buf_char(to, '\n');
        used = 0;
    }
    spaces(to, left - used);
    wrapped(str_of(row->help), left, to);
}

void args_help(const struct args_table *table, struct buf *to) {
    bool letters = has_letters(table);
    size_t left = left_width(table, letters);

    for (size_t i = 0; i < table->n; i++) {
        const struct args_row *row = &table->rows[i];

        if (row->group)
            buf_format(to, "%s%s:\n", i ? "\n" : "", row->group);
        if (row->help)
            help_row(row, left, letters, to);
    }
}
