/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command/configure.h"

#include <stdio.h>

#include "base/err.h"
#include "command/command.h"

int configure(struct config *c, const char *file, const struct args *args) {
    int err;

    bool read = !file || config_read_file(c, file) == 0;
    err = config_read_flags(c, args, file != NULL);
    if (err)
        return err == ERR_NO_MEMORY ? STATUS_FAILED : STATUS_USAGE;
    if (!read && c->n_servers == 0)
        return STATUS_FAILED;
    err = config_check(c);
    if (!err && read)
        return 0;
    return file || err == ERR_NO_MEMORY ? STATUS_FAILED : STATUS_USAGE;
}

int configure_file(struct config *c, const char *file) {
    bool read = config_read_file(c, file) == 0;

    if (!read && c->n_servers == 0)
        return STATUS_FAILED;
    return config_check(c) || !read ? STATUS_FAILED : 0;
}

void configure_show_errors(const struct buf *errors) {
    struct str rest = buf_view(errors), line;

    while (str_cut(&rest, '\n', &line))
        if (line.n)
            fprintf(stderr, "h3gw: " STR_FMT "\n", STR_ARG(line));
}
