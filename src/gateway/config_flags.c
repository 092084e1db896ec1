/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "gateway/config.h"

/* The flags of `h3gw serve`: each is an option of the table. Those that make a server, its
 * credential, an upstream and the route between them do so here, under the names below, which
 * the dumps then show. */

static const char server_name[] = "local";
static const char upstream_name[] = "app";
static const char credential_name[] = "given";
static const char route_name[] = "all";

/* Of the words after "serve" that are no options of the table. */
static const struct args_row own_rows[] = {
    {"config", 'c', ARGS_VALUE, "FILE", "read the configuration from FILE (h3gw.ini(5))",
     "What to serve"},
    {"echo", 0, ARGS_FLAG, NULL, "answer with the built-in httpbin; so it is without --upstream",
     NULL},
};

static char letter_of(const char *flag) {
    return strcmp(flag, "upstream") == 0 ? 'u' : strcmp(flag, "listen") == 0 ? 'l' : 0;
}

static enum args_kind kind_of(const struct option *o) {
    switch (o->kind) {
    case OPTION_SWITCH: return ARGS_SWITCH;
    case OPTION_LIST: return ARGS_LIST;
    default: return ARGS_VALUE;
    }
}

static void add_rows(struct config_flags *f, bool gateway) {
    const char *group = gateway ? "How" : NULL;

    for (size_t i = 0; i < n_options; i++) {
        const struct option *o = &options[i];
        if (o->flag[0] == '\0' || (o->section == SECTION_GATEWAY) != gateway)
            continue;
        check(f->table.n < MAX_FLAGS);
        f->rows[f->table.n++] =
            (struct args_row){o->flag, letter_of(o->flag), kind_of(o), o->value, o->help, group};
        group = NULL;
    }
}

void config_flags_init(struct config_flags *f) {
    *f = (struct config_flags){.table = {.rows = f->rows}};
    for (size_t i = 0; i < sizeof own_rows / sizeof own_rows[0]; i++)
        f->rows[f->table.n++] = own_rows[i];
    add_rows(f, false);
    add_rows(f, true);
    f->rows[f->table.n++] = (struct args_row){"help", 'h', ARGS_FLAG, NULL, "this text", NULL};
}

struct flag_reader {
    struct config *config;
    bool file_read;
    struct config_object server, credential, upstream; /* what the flags make; 0: not yet */
};

static int need(struct flag_reader *r, enum option_section section, struct config_object *object) {
    static const char *const names[N_SECTIONS] = {[SECTION_SERVER] = server_name,
                                                  [SECTION_CREDENTIAL] = credential_name,
                                                  [SECTION_UPSTREAM] = upstream_name};
    if (object->options)
        return 0;
    return config_add(r->config, section, str_of(names[section]), (struct config_place){0}, object);
}

static int set(struct flag_reader *r, const struct option *o, void *object, struct str value) {
    struct config *c = r->config;
    struct buf problem;
    int err;

    buf_init(&problem);
    err = option_set(o, object, value, &c->arena, &problem);
    if (err == ERR_INVALID)
        config_error(c, (struct config_place){0}, "--%s " STR_FMT, o->flag,
                     STR_ARG(buf_view(&problem)));
    buf_fini(&problem);
    return err;
}

/* A scalar of [server] beside --config holds for all of them. */
static int set_server(struct flag_reader *r, const struct option *o, struct str value) {
    if (!r->file_read) {
        int err = need(r, SECTION_SERVER, &r->server);
        return err ? err : set(r, o, r->server.options, value);
    }
    for (size_t i = 0; i < r->config->n_servers; i++) {
        int err = set(r, o, &r->config->servers[i]->options, value);
        if (err)
            return err;
    }
    return 0;
}

static int set_flag(struct flag_reader *r, const struct option *o, struct str value) {
    bool makes =
        o->section != SECTION_GATEWAY && !(o->section == SECTION_SERVER && o->kind != OPTION_LIST);
    int err;

    if (makes && r->file_read) {
        config_error(r->config, (struct config_place){0},
                     "--%s beside --config: write it into the file, or leave --config out",
                     o->flag);
        return ERR_INVALID;
    }
    switch (o->section) {
    case SECTION_SERVER: return set_server(r, o, value);
    case SECTION_CREDENTIAL:
        err = need(r, SECTION_CREDENTIAL, &r->credential);
        return err ? err : set(r, o, r->credential.options, value);
    case SECTION_UPSTREAM:
        err = need(r, SECTION_UPSTREAM, &r->upstream);
        return err ? err : set(r, o, r->upstream.options, value);
    default: return set(r, o, &r->config->gateway, value);
    }
}

/* The server always, and a route to the upstream or the echo. */
static int complete(struct flag_reader *r) {
    enum { PROXY, ECHO };
    enum { SIMPLE, MUTUAL };
    struct config *c = r->config;
    struct route_options *route;
    struct config_object object;
    int err = need(r, SECTION_SERVER, &r->server);

    if (err || config_add(c, SECTION_ROUTE, str_of(route_name), (struct config_place){0}, &object))
        return ERR_NO_MEMORY;
    route = object.options;
    route->handler = r->upstream.options ? PROXY : ECHO;
    if (r->upstream.options)
        route->upstream = str_of(upstream_name);
    if (r->credential.options && ((struct credential_options *)r->credential.options)->client_ca.n)
        ((struct server_options *)r->server.options)->tls = MUTUAL;
    if (r->credential.options)
        ((struct server_options *)r->server.options)->credential = str_of(credential_name);
    c->servers[0]->any_host = true;
    return 0;
}

int config_read_flags(struct config *c, const struct args *args, bool file_read) {
    struct flag_reader r = {.config = c, .file_read = file_read};
    int failed = 0;

    for (size_t i = 0; i < args->n_given; i++) {
        const char *flag = args->table->rows[args->given[i].row].name;
        const struct option *o = option_by_flag(str_of(flag));
        int err = o ? set_flag(&r, o, args->given[i].value) : 0;
        if (err == ERR_NO_MEMORY)
            return err;
        failed = failed ? failed : err;
    }
    if (args_has(args, "access-log"))
        c->access_log_given = true;
    if (args_has(args, "echo") && (r.upstream.options || file_read)) {
        config_error(c, (struct config_place){0}, "--echo beside %s: choose one",
                     file_read ? "--config" : "--upstream");
        failed = ERR_INVALID;
    }
    if (!file_read && complete(&r))
        return ERR_NO_MEMORY;
    return failed;
}
