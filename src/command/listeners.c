/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "command/ask.h"
#include "command/configure.h"
#include "command/subcommand.h"
#include "gateway/dump/dump.h"

/* listeners, routes, upstreams and certs: one command with another table each. */

static const struct args_row rows[] = {
    {"config", 'c', ARGS_VALUE, "FILE", "show this configuration, and ask no gateway", NULL},
    ASK_FLAG,
    {"wide", 'w', ARGS_FLAG, NULL, "more columns; also -o wide", NULL},
    {"json", 0, ARGS_FLAG, NULL, "as Envoy's objects in JSON; also -o json", NULL},
    {"output", 'o', ARGS_VALUE, "json|short|wide", "the form; without it, a table", NULL},
    {"address", 0, ARGS_VALUE, "ADDR", "only what listens on this address (listeners)", NULL},
    {"port", 0, ARGS_VALUE, "PORT", "only what is on this port (listeners, upstreams)", NULL},
    {"type", 0, ARGS_VALUE, "TYPE", "only HTTP, TCP or HTTP+TCP (listeners)", NULL},
    {"name", 0, ARGS_VALUE, "NAME", "only the one of this name (routes, upstreams)", NULL},
    {"help", 'h', ARGS_FLAG, NULL, "this text", NULL},
};
static const struct args_table table = {rows, sizeof rows / sizeof rows[0]};

struct subject {
    const char *name;
    int (*print)(const struct dump *d, struct buf *to);
    const char *filters; /* of the last four flags, those that mean something here */
};

static int complain(const struct subject *s, const char *message, int status) {
    return subcommand_fail(s->name, status, message);
}

static bool is_filter_of(const struct subject *s, const char *flag) {
    struct str rest = str_of(s->filters), word;

    while (str_cut(&rest, ' ', &word))
        if (str_eq(word, str_of(flag)))
            return true;
    return false;
}

static int read_form(const struct args *args, enum dump_form *ret_form, struct buf *message) {
    const char *output = args_value(args, "output");

    *ret_form = args_has(args, "json")   ? DUMP_JSON
                : args_has(args, "wide") ? DUMP_WIDE
                                         : DUMP_TABLE;
    if (!output || !dump_form_parse(str_of(output), ret_form))
        return 0;
    buf_format(message, "-o takes json, short or wide, not \"%s\"", output);
    return ERR_INVALID;
}

/* What the words wish for. 0, or ERR_INVALID with a message. */
static int read_wishes(const struct subject *s, const struct args *args, struct dump *d,
                       struct buf *message) {
    static const char *const filters[] = {"address", "port", "type", "name"};
    const char *port = args_value(args, "port");
    uint64_t number = 0;

    if (args->n_words) {
        buf_format(message, "\"" STR_FMT "\" is no flag; the file is given with --config",
                   STR_ARG(args->words[0]));
        return ERR_INVALID;
    }
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++)
        if (args_has(args, filters[i]) && !is_filter_of(s, filters[i])) {
            buf_format(message, "--%s means nothing here", filters[i]);
            return ERR_INVALID;
        }
    if (port && (str_to_u64(str_of(port), &number) || number < 1 || number > 65535)) {
        buf_format(message, "--port is 1 to 65535, not \"%s\"", port);
        return ERR_INVALID;
    }
    d->port = (uint16_t)number;
    d->address = str_of(args_value(args, "address"));
    d->type = str_of(args_value(args, "type"));
    d->name = str_of(args_value(args, "name"));
    return read_form(args, &d->form, message);
}

static int show(const struct subject *s, struct dump *d, struct config *c) {
    struct dump_certs secrets;
    struct buf text;
    int status;

    if (dump_certs_load(&secrets, c, getenv, time(NULL)))
        return complain(s, err_text(ERR_NO_MEMORY), STATUS_FAILED);
    d->config = c;
    d->certs = &secrets;
    buf_init(&text);
    status = s->print(d, &text) ? complain(s, err_text(ERR_NO_MEMORY), STATUS_FAILED)
                                : subcommand_print(s->name, buf_view(&text));
    buf_fini(&text);
    dump_certs_fini(&secrets);
    return status;
}

static int read_and_show(const struct subject *s, struct dump *d, const char *file) {
    struct config c;
    struct buf errors;
    int status = STATUS_FAILED;

    buf_init(&errors);
    if (!config_init(&c, &errors))
        status = configure_file(&c, file);
    else
        errors.failed = true;
    configure_show_errors(&errors);
    if (!status)
        status = show(s, d, &c);
    config_fini(&c);
    buf_fini(&errors);
    return status;
}

static void add_query(struct buf *path, const char *name, struct str value) {
    if (!value.n)
        return;
    buf_format(path, "&%s=", name);
    for (size_t i = 0; i < value.n; i++)
        buf_format(path, "%%%02x", (unsigned char)value.p[i]);
}

static int ask_and_show(const struct subject *s, const struct dump *d, const char *admin) {
    static const char *const forms[] = {"table", "wide", "short", "json"};
    struct ask a = {s->name, admin, true};
    struct buf path, text;
    int status;

    buf_init(&path);
    buf_init(&text);
    buf_format(&path, "/%s?form=%s&port=%u", s->name, forms[d->form], d->port);
    add_query(&path, "address", d->address);
    add_query(&path, "type", d->type);
    add_query(&path, "name", d->name);
    status = path.failed ? ERR_NO_MEMORY : ask(&a, "GET", (const char *)path.p, &text);
    if (path.failed)
        status = complain(s, err_text(ERR_NO_MEMORY), STATUS_FAILED);
    else if (status == 200)
        status = subcommand_print(s->name, buf_view(&text));
    else if (status > 0)
        status = complain(s, (const char *)text.p, STATUS_FAILED);
    else
        status = status == ERR_INVALID ? STATUS_USAGE : STATUS_FAILED;
    buf_fini(&path);
    buf_fini(&text);
    return status;
}

static int look(const struct subject *s, const struct args *args, struct buf *message) {
    const char *file = args_value(args, "config");
    struct dump d = {0};

    if (read_wishes(s, args, &d, message))
        return complain(s, message->p ? (const char *)message->p : err_text(ERR_NO_MEMORY),
                        STATUS_USAGE);
    if (file && args_has(args, "admin"))
        return complain(s, "--admin beside --config: choose one", STATUS_USAGE);
    return file ? read_and_show(s, &d, file) : ask_and_show(s, &d, args_value(args, "admin"));
}

static int run(const void *context, const struct args *args) {
    struct buf message;

    buf_init(&message);
    int status = look(context, args, &message);
    buf_fini(&message);
    return status;
}

#define HELP(name, what) \
    "Usage: h3gw " name " [FLAG]...\n\n" what \
    "\nWithout --config the running gateway is asked.\n\n" \
    "  h3gw " name " --wide\n  h3gw " name " --config dev.ini --json\n\n"

int command_listeners(int argc, char **argv) {
    static const struct subject subject = {"listeners", dump_listeners, "address port type"};
    static const struct subcommand command = {
        "listeners",
        HELP("listeners",
             "Show the listeners, TCP and UDP, as istioctl proxy-config listeners does."),
        &table, run, &subject};
    return subcommand_run(&command, argc, argv);
}

int command_routes(int argc, char **argv) {
    static const struct subject subject = {"routes", dump_routes, "name"};
    static const struct subcommand command = {
        "routes",
        HELP("routes", "Show the routes of each server, as istioctl proxy-config routes does."),
        &table, run, &subject};
    return subcommand_run(&command, argc, argv);
}

int command_upstreams(int argc, char **argv) {
    static const struct subject subject = {"upstreams", dump_upstreams, "name port"};
    static const struct subcommand command = {
        "upstreams",
        HELP("upstreams", "Show the upstreams, as istioctl proxy-config clusters does."), &table,
        run, &subject};
    return subcommand_run(&command, argc, argv);
}

int command_certs(int argc, char **argv) {
    static const struct subject subject = {"certs", dump_secrets, ""};
    static const struct subcommand command = {
        "certs",
        HELP("certs",
             "Show the certificates, as istioctl proxy-config secret does. Nothing is made."),
        &table, run, &subject};
    return subcommand_run(&command, argc, argv);
}
