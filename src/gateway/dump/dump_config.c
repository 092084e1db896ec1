/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/dump/dump_config.h"

#include <stdlib.h>

#include "base/err.h"
#include "gateway/config/config_line.h"
#include "sys/file.h"

enum { MAX_LINE = 4096 }; /* more than the parser takes would be refused there */

struct writer {
    const struct config *config;
    struct str folder; /* what relative paths are relative to */
    struct buf *to, *problem;
    bool failed; /* problem says why */
};

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static bool needs_quotes(struct str value) {
    if (value.n == 0 || value.p[0] == '"' || is_blank(value.p[0]) || is_blank(value.p[value.n - 1]))
        return true;
    for (size_t i = 0; i < value.n; i++)
        if ((value.p[i] == ';' || value.p[i] == '#') && (i == 0 || is_blank(value.p[i - 1])))
            return true;
    return false;
}

/* Whether a line says what it is to say is for the one to judge who reads it. */
static bool reads_back(struct str line, struct str value) {
    char clean[MAX_LINE];
    const char *problem;
    char *at;

    if (config_line_clean(line, clean, sizeof clean, &problem))
        return false;
    at = strchr(clean, '=');
    return at && str_eq(config_line_value(at + 2), value);
}

static void line(struct writer *w, struct str key, struct str value) {
    const char *quote = needs_quotes(value) ? "\"" : "";
    struct buf text;

    buf_init(&text);
    buf_format(&text, STR_FMT " = %s" STR_FMT "%s", STR_ARG(key), quote, STR_ARG(value), quote);
    if (!text.failed && !w->failed && !reads_back(buf_view(&text), value)) {
        buf_format(w->problem, STR_FMT " cannot stand in a file with this value: \"" STR_FMT "\"",
                   STR_ARG(key), STR_ARG(value));
        w->failed = true;
    }
    buf_str(w->to, buf_view(&text));
    buf_char(w->to, '\n');
    if (text.failed)
        w->to->failed = true;
    buf_fini(&text);
}

static void unset(struct writer *w, const struct option *o) {
    buf_format(w->to, ";%s =\n", o->key);
}

static void list_lines(struct writer *w, const struct option *o, const struct strs *list) {
    for (size_t i = 0; i < list->n; i++)
        line(w, str_of(o->key), list->v[i]);
    if (list->n == 0)
        unset(w, o);
}

static void file_line(struct writer *w, const struct option *o, struct str path) {
    struct buf whole;

    if (str_eq(path, STR("-")) || str_eq(path, STR("off"))) {
        line(w, str_of(o->key), path);
        return;
    }
    buf_init(&whole);
    file_join(&whole, w->folder, path);
    if (whole.failed)
        w->to->failed = true;
    line(w, str_of(o->key), buf_view(&whole));
    buf_fini(&whole);
}

static void option_line(struct writer *w, const struct option *o, const void *object) {
    const void *member = (const char *)object + o->offset;
    struct buf text;

    if (o->kind == OPTION_LIST || o->kind == OPTION_LINES) {
        list_lines(w, o, member);
        return;
    }
    buf_init(&text);
    option_print(o, object, &text);
    if (text.failed)
        w->to->failed = true;
    else if (text.n == 0)
        unset(w, o);
    else if (o->kind == OPTION_FILE)
        file_line(w, o, buf_view(&text));
    else
        line(w, str_of(o->key), buf_view(&text));
    buf_fini(&text);
}

static void head(struct writer *w, enum option_section kind, struct str name) {
    buf_format(w->to, "%s[%s%s" STR_FMT "]\n", w->to->n ? "\n" : "", section_name(kind),
               name.n ? " " : "", STR_ARG(name));
}

static void section(struct writer *w, enum option_section kind, struct str name,
                    const void *object) {
    head(w, kind, name);
    for (size_t i = 0; i < n_options; i++)
        if (options[i].section == kind && options[i].kind != OPTION_INCLUDE)
            option_line(w, &options[i], object);
}

/* Empty because it was said so is another thing than not given: nothing is written then. */
static void gateway(struct writer *w) {
    struct gateway_options o = w->config->gateway;

    if (w->config->access_log_given && o.access_log.n == 0)
        o.access_log = STR("off");
    section(w, SECTION_GATEWAY, (struct str){0}, &o);
}

/* Of a tunnel only what may stand there. */
static void route(struct writer *w, const struct config_route *r) {
    head(w, SECTION_ROUTE, r->name);
    for (size_t i = 0; i < n_options; i++)
        if (options[i].section == SECTION_ROUTE &&
            (r->answer != ROUTE_TUNNEL || config_is_for_tunnels(&options[i])))
            option_line(w, &options[i], &r->options);
}

static bool has_any(const struct strs *hosts) {
    for (size_t i = 0; i < hosts->n; i++)
        if (str_eq(hosts->v[i], STR("*")))
            return true;
    return hosts->n == 0;
}

/* With the addresses that it listens on when none was given, and with "*" where flags made it. */
static int server(struct writer *w, const struct config_server *s) {
    struct server_options o = s->options;
    size_t n = 0;
    struct str *listens = calloc(s->n_listens + 1, sizeof *listens);
    struct str *hosts = calloc(o.hosts.n + 1, sizeof *hosts);

    if (!listens || !hosts) {
        free(listens);
        free(hosts);
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < s->n_listens; i++)
        if (!s->listens[i].optional)
            listens[n++] = s->listens[i].text;
    o.listen = (struct strs){listens, n};
    if (s->any_host && !has_any(&o.hosts)) {
        memcpy(hosts, o.hosts.v, o.hosts.n * sizeof *hosts);
        hosts[o.hosts.n] = STR("*");
        o.hosts = (struct strs){hosts, o.hosts.n + 1};
    }
    section(w, SECTION_SERVER, s->name, &o);
    free(listens);
    free(hosts);
    return 0;
}

int dump_config(const struct config *c, struct str folder, struct buf *to, struct buf *problem) {
    struct writer w = {c, folder, to, problem, false};
    int err = 0;

    gateway(&w);
    for (size_t i = 0; !err && i < c->n_servers; i++)
        err = server(&w, c->servers[i]);
    for (size_t i = 0; i < c->n_credentials; i++)
        section(&w, SECTION_CREDENTIAL, c->credentials[i]->name, &c->credentials[i]->options);
    for (size_t i = 0; i < c->n_routes; i++)
        route(&w, c->routes[i]);
    for (size_t i = 0; i < c->n_upstreams; i++)
        section(&w, SECTION_UPSTREAM, c->upstreams[i]->name, &c->upstreams[i]->options);
    if (err || to->failed)
        return ERR_NO_MEMORY;
    return w.failed ? ERR_INVALID : 0;
}
