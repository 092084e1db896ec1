/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "command/configure.h"
#include "command/subcommand.h"
#include "gateway/gateway.h"
#include "gateway/screen.h"

static void write_log(struct log *log, enum log_level level, const char *line, size_t n) {
    (void)log;
    fprintf(stderr, "h3gw: %s%s%.*s\n", level == LOG_INFO ? "" : log_level_text(level),
            level == LOG_INFO ? "" : ": ", (int)n, line);
}

static void show_screen(const struct gateway *g) {
    struct buf text;
    bool colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");

    buf_init(&text);
    screen_print(g, colour, &text);
    subcommand_print("serve", buf_view(&text));
    buf_fini(&text);
}

/* As many descriptors as the system lets us have: each connection needs one. */
static void raise_descriptors(void) {
    struct rlimit limit;

    if (!getrlimit(RLIMIT_NOFILE, &limit)) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Where the configuration comes from, again at each reload. */
struct source {
    const struct args *args;
    int status; /* of the last reading */
};

static int read_configuration(void *context, struct config *c) {
    struct source *from = context;

    from->status = configure(c, args_value(from->args, "config"), from->args);
    return from->status;
}

static int run(struct source *from, struct buf *errors) {
    struct configurer configurer = {read_configuration, from};
    struct log log = {.level = LOG_INFO, .write = write_log};
    struct gateway g;

    signal(SIGPIPE, SIG_IGN);
    raise_descriptors();
    if (gateway_start(&g, &configurer, &log, getenv, errors))
        return from->status ? from->status : STATUS_FAILED;
    show_screen(&g);
    gateway_run(&g);
    gateway_stop(&g);
    return STATUS_FINE;
}

static int serve(const void *context, const struct args *args) {
    struct source from = {args, 0};
    struct buf errors;
    int status;

    (void)context;
    if (args->n_words) {
        fprintf(stderr,
                "h3gw serve: \"" STR_FMT "\" is no flag; the app's address is given with "
                "--upstream\n",
                STR_ARG(args->words[0]));
        return STATUS_USAGE;
    }
    buf_init(&errors);
    status = run(&from, &errors);
    configure_show_errors(&errors);
    buf_fini(&errors);
    return status;
}

int command_serve(int argc, char **argv) {
    struct config_flags flags;
    struct subcommand command = {
        "serve",
        "Usage: h3gw serve [FLAG]...\n\n"
        "Serve HTTPS (HTTP/1.1 and HTTP/2 on TCP) and HTTP/3 (on the same UDP port) in front\n"
        "of an app, or of the built-in httpbin.\n\n"
        "  h3gw serve --upstream http://127.0.0.1:3000\n"
        "  h3gw serve --listen :8443 --host app.test\n"
        "  h3gw serve --config dev.ini\n\n",
        &flags.table,
        serve,
        NULL,
    };

    config_flags_init(&flags);
    return subcommand_run(&command, argc, argv);
}
