/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/dump/dump_columns.h"

/* Characters, not bytes: names of files may be any UTF-8. */
static size_t width_of(struct str cell) {
    size_t n = 0;

    for (size_t i = 0; i < cell.n; i++)
        n += ((unsigned char)cell.p[i] & 0xc0) != 0x80;
    return n;
}

/* The next cell; false: it was the line's last. */
static bool cut_cell(struct str *line, size_t column, struct str *ret_cell) {
    ptrdiff_t tab = column + 1 < DUMP_COLUMNS ? str_find(*line, '\t') : -1;

    *ret_cell = *line;
    if (tab < 0)
        return false;
    ret_cell->n = (size_t)tab;
    *line = (struct str){line->p + tab + 1, line->n - (size_t)tab - 1};
    return true;
}

static void measure(struct str lines, size_t widths[DUMP_COLUMNS]) {
    struct str line, cell;

    while (str_cut(&lines, '\n', &line))
        for (size_t i = 0; cut_cell(&line, i, &cell); i++)
            if (width_of(cell) > widths[i])
                widths[i] = width_of(cell);
}

void dump_columns(struct str lines, size_t padding, struct buf *to) {
    size_t widths[DUMP_COLUMNS] = {0};
    struct str line, cell;

    measure(lines, widths);
    while (str_cut(&lines, '\n', &line)) {
        for (size_t i = 0; cut_cell(&line, i, &cell); i++) {
            buf_str(to, cell);
            for (size_t n = width_of(cell); n < widths[i] + padding; n++)
                buf_char(to, ' ');
        }
        buf_str(to, cell);
        buf_char(to, '\n');
    }
}
