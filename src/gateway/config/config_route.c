/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "gateway/config/config_parts.h"
#include "gateway/redirect.h"
#include "http/message.h"
#include "http/validate.h"

/* What a route says must go together: one place, one that answers, and nothing that would have
 * no effect. */

static const char handler_echo[] = "handler = echo";

static bool given(const struct config_route *r, const char *key) {
    for (const struct config_line *l = r->place.options; l; l = l->next)
        if (strcmp(l->option->key, key) == 0)
            return true;
    return false;
}

/* Two that cannot stand in one section: the second has a key, or a key and a value. */
static void exclude(struct config *c, const struct config_route *r, const char *one,
                    const char *other) {
    const char *key = strcmp(other, handler_echo) == 0 ? "handler" : other;

    config_error(c, config_at(r->place, key), "%s and %s exclude one another: keep one of them",
                 one, other);
}

/* `key` means nothing without, or beside, what the text names. */
static void refuse(struct config *c, const struct config_route *r, const char *key,
                   const char *text) {
    config_error(c, config_at(r->place, key), "%s: %s", key, text);
}

/* ---- which requests ---- */

static void check_path(struct config *c, struct config_route *r) {
    const char *key = given(r, "exact") || r->options.exact.n ? "exact" : "path";

    r->exact = key[0] == 'e';
    r->match = r->exact ? r->options.exact : r->options.path;
    if (r->exact && !str_eq(r->options.path, STR("/")))
        exclude(c, r, "path", "exact");
    if (!str_starts(r->match, STR("/")))
        config_error(c, config_at(r->place, key),
                     "%s: \"" STR_FMT "\" does not begin with \"/\": write /" STR_FMT, key,
                     STR_ARG(r->match), STR_ARG(r->match));
    else if (str_find(r->match, '?') >= 0 || str_find(r->match, '#') >= 0)
        refuse(c, r, key, "write a path without query (?) and fragment (#)");
}

/* Two routes of which one would never be taken. */
static bool same_place(const struct config_route *a, const struct config_route *b) {
    const struct strs *ours = &a->options.hosts, *theirs = &b->options.hosts;

    if (a->exact != b->exact || !str_eq(a->match, b->match))
        return false;
    if (ours->n == 0 || theirs->n == 0)
        return ours->n == theirs->n;
    for (size_t i = 0; i < ours->n; i++)
        for (size_t j = 0; j < theirs->n; j++)
            if (str_ieq(ours->v[i], theirs->v[j]))
                return true;
    return false;
}

static void check_double_routes(struct config *c) {
    for (size_t i = 0; i < c->n_routes; i++)
        for (size_t j = 0; j < i; j++)
            if (same_place(c->routes[i], c->routes[j]))
                config_error(c, c->routes[i]->place,
                             "route: path " STR_FMT " with such hosts is already [route " STR_FMT
                             "]'s (" STR_FMT "): one of them would never answer",
                             STR_ARG(c->routes[i]->match), STR_ARG(c->routes[j]->name),
                             STR_ARG(config_where(c, c->routes[i]->place, c->routes[j]->place)));
}

/* ---- who answers ---- */

static void check_answer(struct config *c, struct config_route *r) {
    enum { PROXY, ECHO };
    const struct route_options *o = &r->options;
    const struct {
        const char *key;
        enum route_answer answer;
        bool is;
    } answers[] = {
        {"upstream", ROUTE_PROXY, o->upstream.n > 0},
        {handler_echo, ROUTE_ECHO, o->handler == ECHO},
        {"redirect", ROUTE_REDIRECT, o->redirect.n > 0},
        {"respond", ROUTE_RESPOND, o->respond > 0},
    };
    const char *first = NULL;

    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (answers[i].is && first)
            exclude(c, r, first, answers[i].key);
        if (answers[i].is && !first) {
            first = answers[i].key;
            r->answer = answers[i].answer;
        }
    }
    if (!first)
        config_error(c, r->place,
                     "route: upstream = NAME is missing (or handler = echo, redirect, respond)");
}

static void find_upstream(struct config *c, struct config_route *r) {
    struct str wanted = r->options.upstream;

    for (size_t i = 0; i < c->n_upstreams; i++)
        if (str_eq(c->upstreams[i]->name, wanted))
            r->upstream = c->upstreams[i];
    if (!r->upstream)
        config_error(c, config_at(r->place, "upstream"),
                     "upstream: there is no [upstream " STR_FMT "]%s", STR_ARG(wanted),
                     config_hint(c, SECTION_UPSTREAM, wanted));
}

static int check_redirect(struct config *c, const struct config_route *r) {
    const char *problem = "";
    int err;

    if (r->answer != ROUTE_REDIRECT) {
        if (r->options.redirect_status)
            refuse(c, r, "redirect-status", "it means nothing without redirect = URL");
        return 0;
    }
    err = redirect_check(&c->arena, r->options.redirect, &problem);
    if (err == ERR_INVALID)
        config_error(c, config_at(r->place, "redirect"), "redirect: \"" STR_FMT "\": %s",
                     STR_ARG(r->options.redirect), problem);
    return err == ERR_NO_MEMORY ? err : 0;
}

static void check_respond(struct config *c, const struct config_route *r) {
    const struct route_options *o = &r->options;

    if (o->respond > 0 && o->respond < 200)
        refuse(c, r, "respond", "write a status between 200 and 599");
    if (o->respond_body.n == 0)
        return;
    if (o->respond == 0)
        refuse(c, r, "respond-body", "it means nothing without respond = STATUS");
    else if (o->respond == 205 || response_has_no_body(STR("GET"), (int)o->respond))
        refuse(c, r, "respond-body", "a response of this status has no body (204, 205, 304)");
}

static void check_on_the_way(struct config *c, const struct config_route *r) {
    static const char *const keys[] = {"rewrite", "set-request-header", "add-request-header",
                                       "remove-request-header"};
    bool ends_here = r->answer == ROUTE_REDIRECT || r->answer == ROUTE_RESPOND;

    for (size_t i = 0; ends_here && i < sizeof keys / sizeof keys[0]; i++)
        if (given(r, keys[i]))
            refuse(c, r, keys[i], "no request goes on from a route that redirects or responds");
    if (r->options.timeout_ns && r->answer != ROUTE_PROXY)
        refuse(c, r, "timeout", "it is for routes with upstream = NAME");
    if (r->options.rewrite.n && !str_starts(r->options.rewrite, STR("/")))
        refuse(c, r, "rewrite", "write a path that begins with \"/\"");
    else if (r->options.rewrite.n &&
             (!valid_path(r->options.rewrite) || str_find(r->options.rewrite, '?') >= 0))
        refuse(c, r, "rewrite",
               "write a path without query (?), fragment (#) and blanks; what is not ASCII as %XX");
}

/* ---- fields ---- */

struct edit_list {
    const char *key;
    const struct strs *texts;
    struct field **v; /* or names */
    struct str **names;
    size_t *n;
};

static int parse_one(struct config *c, const struct config_route *r, const struct edit_list *l,
                     size_t i) {
    const char *problem = "";
    struct str text = l->texts->v[i];
    int err = l->names ? edit_name_parse(&c->arena, text, &(*l->names)[*l->n], &problem)
                       : edit_parse(&c->arena, text, &(*l->v)[*l->n], &problem);

    if (err == ERR_INVALID)
        config_error(c, config_at_item(r->place, l->key, i), "%s: \"" STR_FMT "\" %s", l->key,
                     STR_ARG(text), problem);
    *l->n += !err;
    return err == ERR_NO_MEMORY ? err : 0;
}

static int parse_list(struct config *c, const struct config_route *r, const struct edit_list *l) {
    size_t n = l->texts->n + 1;

    if (l->names)
        *l->names = arena_alloc(&c->arena, n * sizeof(struct str));
    else
        *l->v = arena_alloc(&c->arena, n * sizeof(struct field));
    if (l->names ? !*l->names : !*l->v)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < l->texts->n; i++)
        if (parse_one(c, r, l, i))
            return ERR_NO_MEMORY;
    return 0;
}

static int check_edits(struct config *c, struct config_route *r) {
    struct route_options *o = &r->options;
    struct edits *q = &r->request, *s = &r->response;
    const struct edit_list lists[] = {
        {"set-request-header", &o->set_request_header, &q->set, NULL, &q->n_set},
        {"add-request-header", &o->add_request_header, &q->add, NULL, &q->n_add},
        {"remove-request-header", &o->remove_request_header, NULL, &q->remove, &q->n_remove},
        {"set-response-header", &o->set_response_header, &s->set, NULL, &s->n_set},
        {"add-response-header", &o->add_response_header, &s->add, NULL, &s->n_add},
        {"remove-response-header", &o->remove_response_header, NULL, &s->remove, &s->n_remove},
    };

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        if (lists[i].texts->n && parse_list(c, r, &lists[i]))
            return ERR_NO_MEMORY;
    return 0;
}

static int check_route(struct config *c, struct config_route *r) {
    bool tunnel = r->answer == ROUTE_TUNNEL;

    if (!tunnel)
        check_path(c, r);
    config_check_hosts(c, r->place, &r->options.hosts);
    if (tunnel)
        config_check_tunnel(c, r);
    else
        check_answer(c, r);
    if (r->options.upstream.n)
        find_upstream(c, r);
    if (tunnel)
        return 0;
    check_respond(c, r);
    check_on_the_way(c, r);
    return check_redirect(c, r) ? ERR_NO_MEMORY : check_edits(c, r);
}

int config_check_routes(struct config *c) {
    for (size_t i = 0; i < c->n_routes; i++) {
        c->routes[i]->index = i;
        if (check_route(c, c->routes[i]))
            return ERR_NO_MEMORY;
    }
    check_double_routes(c);
    return 0;
}
