/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "gateway/config/config.h"

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
    {"route", 'r', ARGS_LIST, "HOST/PREFIX=URL",
     "another upstream for a host, a path prefix, or both (repeatable)", NULL},
    {"echo", 0, ARGS_FLAG, NULL,
     "answer with the built-in httpbin; so it is without --upstream and --route", NULL},
};

static char letter_of(const char *flag) {
    return strcmp(flag, "upstream") == 0 ? 'u' : strcmp(flag, "listen") == 0 ? 'l' : 0;
}

static enum args_kind kind_of(const struct option *o) {
    switch (o->kind) {
    case OPTION_SWITCH: return ARGS_SWITCH;
    case OPTION_LIST:
    case OPTION_LINES: return ARGS_LIST;
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

static int beside_file(struct config *c, const char *flag) {
    config_error(c, (struct config_place){0},
                 "--%s beside --config: write it into the file, or leave --config out", flag);
    return ERR_INVALID;
}

struct flag_reader {
    struct config *config;
    bool file_read;
    struct config_object server, credential, upstream; /* what the flags make; 0: not yet */
    bool echo;
    unsigned routes; /* made by --route */
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

    if (makes && r->file_read)
        return beside_file(r->config, o->flag);
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

/* ---- --route ---- */

static bool names_host(const struct strs *hosts, struct str host) {
    for (size_t i = 0; i < hosts->n; i++)
        if (str_ieq(hosts->v[i], host))
            return true;
    return false;
}

/* A host of a route is a name of the server, so that the leaf made for it covers it; behind those
 * of --host and localhost, as the screen shows the first that a route answers. */
static int add_server_host(struct flag_reader *r, struct str host) {
    struct server_options *o = r->server.options;
    const struct credential_options *given = r->credential.options;
    const struct option *hosts = option_by_flag(STR("host"));
    int err = 0;

    if (host.n == 0 || str_eq(host, STR("*")) || (given && given->cert.n))
        return 0;
    if (o->hosts.n == 0)
        err = set(r, hosts, o, STR("localhost"));
    return err || names_host(&o->hosts, host) ? err : set(r, hosts, o, host);
}

static int wrong_route(struct flag_reader *r, struct str text) {
    config_error(r->config, (struct config_place){0},
                 "--route: \"" STR_FMT "\" is not HOST/PREFIX=URL: write "
                 "'/api=http://127.0.0.1:4000' or 'api.localhost/=http://127.0.0.1:4000'",
                 STR_ARG(text));
    return ERR_INVALID;
}

static int make_route(struct flag_reader *r, struct str host, struct str path, struct str url) {
    struct config *c = r->config;
    struct str name = arena_format(&c->arena, "route%u", ++r->routes);
    struct config_object route, upstream;
    struct route_options *o;
    const char *nearest;

    if (!name.p || config_add(c, SECTION_ROUTE, name, (struct config_place){0}, &route) ||
        config_add(c, SECTION_UPSTREAM, name, (struct config_place){0}, &upstream))
        return ERR_NO_MEMORY;
    o = route.options;
    o->upstream = name;
    o->path = arena_str(&c->arena, path.n ? path : STR("/"));
    if (!o->path.p || set(r, option_by_flag(STR("upstream")), upstream.options, url))
        return ERR_NO_MEMORY;
    return host.n ? set(r, option_find(SECTION_ROUTE, STR("hosts"), &nearest), o, host) : 0;
}

static int add_route(struct flag_reader *r, struct str text) {
    ptrdiff_t equals = str_find(text, '='), slash;
    struct str place = {text.p, equals < 0 ? 0 : (size_t)equals}, host, path = {0};

    if (equals < 0 || (size_t)equals + 1 == text.n)
        return wrong_route(r, text);
    slash = str_find(place, '/');
    host = slash < 0 ? place : (struct str){place.p, (size_t)slash};
    if (slash >= 0)
        path = (struct str){place.p + slash, place.n - (size_t)slash};
    if (place.n == 0 || str_find(host, ',') >= 0)
        return wrong_route(r, text);
    int err =
        make_route(r, host, path, (struct str){text.p + equals + 1, text.n - (size_t)equals - 1});
    return err ? err : add_server_host(r, host);
}

static int add_routes(struct flag_reader *r, const struct args *args) {
    int failed = need(r, SECTION_SERVER, &r->server);

    for (size_t i = 0; i < args->n_given && failed != ERR_NO_MEMORY; i++) {
        if (strcmp(args->table->rows[args->given[i].row].name, "route") != 0)
            continue;
        int err = add_route(r, args->given[i].value);
        failed = err ? err : failed;
    }
    return failed;
}

/* ---- the rest ---- */

/* What no --route takes. */
static int catch_all(struct flag_reader *r) {
    enum { PROXY, ECHO };
    struct config_object object;
    struct route_options *route;

    if (r->routes && !r->upstream.options && !r->echo)
        return 0;
    if (config_add(r->config, SECTION_ROUTE, str_of(route_name), (struct config_place){0}, &object))
        return ERR_NO_MEMORY;
    route = object.options;
    route->handler = r->upstream.options ? PROXY : ECHO;
    if (r->upstream.options)
        route->upstream = str_of(upstream_name);
    return 0;
}

/* The server always, and routes to the upstreams or the echo. */
static int complete(struct flag_reader *r) {
    enum { SIMPLE, MUTUAL };

    if (need(r, SECTION_SERVER, &r->server) || catch_all(r))
        return ERR_NO_MEMORY;
    if (r->credential.options && ((struct credential_options *)r->credential.options)->client_ca.n)
        ((struct server_options *)r->server.options)->tls = MUTUAL;
    if (r->credential.options)
        ((struct server_options *)r->server.options)->credential = str_of(credential_name);
    r->config->servers[0]->any_host = true;
    return 0;
}

int config_read_flags(struct config *c, const struct args *args, bool file_read) {
    struct flag_reader r = {.config = c, .file_read = file_read, .echo = args_has(args, "echo")};
    int failed = 0;

    for (size_t i = 0; i < args->n_given; i++) {
        const char *flag = args->table->rows[args->given[i].row].name;
        const struct option *o = option_by_flag(str_of(flag));
        int err = o ? set_flag(&r, o, args->given[i].value) : 0;
        if (err == ERR_NO_MEMORY)
            return err;
        failed = failed ? failed : err;
    }
    if (args_has(args, "route")) {
        int err = file_read ? beside_file(c, "route") : add_routes(&r, args);
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
