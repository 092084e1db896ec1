/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command/configure.h"

#include <stdio.h>
#include <time.h>

#include "base/err.h"
#include "command/command.h"
#include "gateway/identity.h"

/* That there is something to tell, for which there was no memory: configure_show_errors says so. */
static int no_memory(struct config *c) {
    c->errors->failed = true;
    return STATUS_FAILED;
}

int configure_credentials(struct config *c) {
    struct buf warning;
    bool fine = true;

    buf_init(&warning);
    for (size_t i = 0; i < c->n_servers; i++) {
        int err = identity_check(c, c->servers[i], time(NULL), &warning);
        if (err == ERR_NO_MEMORY)
            (void)no_memory(c);
        fine &= err == 0;
        if (warning.n)
            fprintf(stderr, "h3gw: warning: " STR_FMT "\n", STR_ARG(buf_view(&warning)));
        buf_reset(&warning);
    }
    buf_fini(&warning);
    return fine ? 0 : STATUS_FAILED;
}

/* What a file that could not be read lacks is not told too. */
static int check_what_there_is(struct config *c, int file_err) {
    size_t n = c->n_servers + c->n_credentials + c->n_routes + c->n_upstreams;

    return file_err && n == 0 ? file_err : config_check(c);
}

/* Whatever is wrong, the rest is looked at too: it is told at once. */
int configure(struct config *c, const char *file, const struct args *args) {
    int file_err = file ? config_read_file(c, file) : 0;
    int flag_err = config_read_flags(c, args, file != NULL), err;

    if (file_err == ERR_NO_MEMORY || flag_err == ERR_NO_MEMORY)
        return no_memory(c);
    err = check_what_there_is(c, file_err);
    if (err == ERR_NO_MEMORY)
        return no_memory(c);
    if (err)
        configure_credentials(c);
    if (flag_err || (err && !file))
        return STATUS_USAGE;
    return err ? STATUS_FAILED : 0;
}

int configure_file(struct config *c, const char *file) {
    int err = config_read_file(c, file);

    if (err != ERR_NO_MEMORY)
        err = check_what_there_is(c, err);
    if (err == ERR_NO_MEMORY)
        return no_memory(c);
    return err ? STATUS_FAILED : 0;
}

void configure_show_errors(const struct buf *errors) {
    struct str rest = buf_view(errors), line;

    while (str_cut(&rest, '\n', &line))
        if (line.n)
            fprintf(stderr, "h3gw: " STR_FMT "\n", STR_ARG(line));
    if (errors->failed)
        fprintf(stderr, "h3gw: %s\n", err_text(ERR_NO_MEMORY));
}
