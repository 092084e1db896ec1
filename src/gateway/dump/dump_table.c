/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/dump/dump_table.h"

#include "base/date.h"
#include "base/err.h"
#include "gateway/dump/dump_columns.h"
#include "gateway/dump/dump_names.h"
#include "gateway/dump/dump_upstream.h"

enum { NARROW = 1, FAR = 5 }; /* paddings */

/* Sets the lines, and frees them. */
static int finish(struct buf *lines, size_t padding, struct buf *to) {
    if (lines->failed)
        to->failed = true;
    else
        dump_columns(buf_view(lines), padding, to);
    buf_fini(lines);
    return to->failed ? ERR_NO_MEMORY : 0;
}

static void add_list(struct buf *to, const struct strs *list, const char *between) {
    for (size_t i = 0; i < list->n; i++)
        buf_format(to, "%s" STR_FMT, i ? between : "", STR_ARG(list->v[i]));
}

static void add_date(struct buf *to, int64_t time_s) {
    char text[DATE_TEXT];

    buf_str(to, str_of(date_rfc3339((uint64_t)time_s, text)));
}

/* --- listeners ------------------------------------------------------------------------------- */

struct row {
    struct dump_chain chain;
    struct str destination, secret;
};

static void add_match(struct buf *to, const struct strs *hosts) {
    buf_str(to, hosts->n ? STR("SNI: ") : STR("ALL"));
    add_list(to, hosts, ",");
}

/* A running gateway's to tell. */
static void add_connections(const struct dump *d, const struct dump_listener *l, struct buf *to) {
    size_t n = 0;

    for (size_t i = 0; d->connections && i < 2 && l->places[i]; i++) {
        const struct dump_connections *c = &d->connections[l->places[i]->address];
        n += l->udp ? c->quic : c->tcp;
    }
    if (d->connections)
        buf_format(to, "\t%zu", n);
    else
        buf_str(to, STR("\t-"));
}

static void add_wide(const struct dump *d, const struct dump_listener *l, const struct row *row,
                     struct buf *to) {
    const struct dump_cert *cert = dump_certs_find(d->certs, row->secret);
    const char *proto = l->udp ? "UDP h3" : row->chain.tunnel ? "TCP" : "TCP h2,http/1.1";

    buf_format(to, "\t%s\t" STR_FMT "\t", proto, STR_ARG(row->secret));
    if (cert && cert->there)
        add_date(to, cert->cert.not_after_s);
    else
        buf_char(to, '-');
    add_connections(d, l, to);
}

static void add_place(struct buf *to, const struct dump_listener *l) {
    buf_format(to, STR_FMT "%s" STR_FMT "\t%u\t", STR_ARG(l->address), l->more.n ? "," : "",
               STR_ARG(l->more), l->port);
}

/* The greatest destination first, as istioctl has it. */
static void insert_row(struct row *rows, size_t n, struct row row) {
    for (; n > 0 && strcmp(row.destination.p, rows[n - 1].destination.p) > 0; n--)
        rows[n] = rows[n - 1];
    rows[n] = row;
}

static int make_row(struct arena *a, const struct dump_listener *l, struct row *row) {
    const struct dump_chain *c = &row->chain;

    if (c->tunnel) {
        row->destination = arena_format(a, "Cluster: " STR_FMT,
                                        STR_ARG(dump_cluster_name(a, c->tunnel->upstream)));
        row->secret = STR("-");
    } else {
        row->destination =
            arena_format(a, "Route: " STR_FMT, STR_ARG(dump_route_name(a, c->server, l->port)));
        row->secret = dump_secret_name(a, c->server);
    }
    return row->destination.p && row->secret.p ? 0 : ERR_NO_MEMORY;
}

static int make_rows(const struct dump *d, struct arena *a, const struct dump_listener *l,
                     struct row **ret_rows, size_t *ret_n) {
    struct dump_chain_list chains;
    struct row *rows, row;

    if (dump_chain_list(d->config, a, l, &chains))
        return ERR_NO_MEMORY;
    rows = arena_alloc(a, (chains.n + 1) * sizeof *rows);
    for (size_t i = 0; rows && i < chains.n; i++) {
        row.chain = chains.v[i];
        if (make_row(a, l, &row))
            return ERR_NO_MEMORY;
        insert_row(rows, i, row);
    }
    *ret_rows = rows;
    *ret_n = chains.n;
    return rows ? 0 : ERR_NO_MEMORY;
}

static int add_listener(const struct dump *d, struct arena *a, const struct dump_listener *l,
                        struct buf *to) {
    struct row *rows;
    size_t n;

    if (make_rows(d, a, l, &rows, &n))
        return ERR_NO_MEMORY;
    if (l->path.n) {
        add_place(to, l);
        buf_format(to, "ALL\tInline Route: " STR_FMT "*%s\n", STR_ARG(l->path),
                   d->form == DUMP_WIDE ? "\tTCP http/1.1\t-\t-\t-" : "");
    }
    for (size_t i = 0; i < n; i++) {
        add_place(to, l);
        add_match(to, &rows[i].chain.hosts);
        buf_format(to, "\t" STR_FMT, STR_ARG(rows[i].destination));
        if (d->form == DUMP_WIDE)
            add_wide(d, l, &rows[i], to);
        buf_char(to, '\n');
    }
    return 0;
}

int dump_listeners_table(const struct dump *d, struct arena *a,
                         const struct dump_listener_list *list, struct buf *to) {
    bool brief = d->form == DUMP_SHORT;
    struct buf lines;
    int err = 0;

    buf_init(&lines);
    buf_str(&lines, brief ? STR("ADDRESS\tPORT\tTYPE") : STR("ADDRESS\tPORT\tMATCH\tDESTINATION"));
    if (d->form == DUMP_WIDE)
        buf_str(&lines, STR("\tPROTO\tCERTIFICATE\tNOT AFTER\tCONNECTIONS"));
    buf_char(&lines, '\n');
    for (size_t i = 0; !err && i < list->n; i++) {
        if (brief) {
            add_place(&lines, &list->v[i]);
            buf_format(&lines, STR_FMT "\n", STR_ARG(dump_listener_type(&list->v[i])));
        } else {
            err = add_listener(d, a, &list->v[i], &lines);
        }
    }
    if (err)
        lines.failed = true;
    return finish(&lines, NARROW, to);
}

/* --- routes ---------------------------------------------------------------------------------- */

static void add_name(struct str name, struct buf *to) {
    to->failed = to->failed || !name.p;
    buf_str(to, name);
}

static void add_answer(struct arena *a, const struct config_route *r, struct buf *to) {
    buf_char(to, '\t');
    switch (r->answer) {
    case ROUTE_TUNNEL:
    case ROUTE_PROXY: add_name(dump_cluster_name(a, r->upstream), to); break;
    case ROUTE_ECHO: buf_str(to, STR("echo")); break;
    case ROUTE_REDIRECT: buf_format(to, "redirect " STR_FMT, STR_ARG(r->options.redirect)); break;
    case ROUTE_RESPOND: buf_format(to, "respond %u", (unsigned)r->options.respond); break;
    }
}

static void add_route(const struct dump *d, struct arena *a, const struct dump_route *r,
                      const struct config_route *route, struct buf *to) {
    struct str space = r->server->options.namespace;

    buf_format(to, STR_FMT "%s\t" STR_FMT "%s" STR_FMT, STR_ARG(route->match),
               route->exact ? "" : "*", STR_ARG(route->name), space.n ? "." : "", STR_ARG(space));
    if (d->form == DUMP_WIDE)
        add_answer(a, route, to);
    buf_char(to, '\n');
}

static void add_vhost(const struct dump *d, struct arena *a, const struct dump_route *r,
                      const struct dump_vhost *v, struct buf *to) {
    for (size_t i = 0; i < v->n_routes || i == 0; i++) {
        buf_format(to, STR_FMT "\t" STR_FMT "\t" STR_FMT "\t", STR_ARG(r->name), STR_ARG(v->name),
                   STR_ARG(v->domain));
        if (v->n_routes)
            add_route(d, a, r, v->routes[i], to);
        else
            buf_str(to, d->form == DUMP_WIDE ? STR("/*\t404\t-\n") : STR("/*\t404\n"));
    }
}

int dump_routes_table(const struct dump *d, struct arena *a, const struct dump_route_list *list,
                      struct buf *to) {
    bool brief = d->form == DUMP_SHORT;
    struct buf lines;

    buf_init(&lines);
    buf_str(&lines, brief ? STR("NAME\tVIRTUAL HOSTS")
                          : STR("NAME\tVHOST NAME\tDOMAINS\tMATCH\tVIRTUAL SERVICE"));
    buf_str(&lines, d->form == DUMP_WIDE ? STR("\tDESTINATION\n") : STR("\n"));
    for (size_t i = 0; i < list->n; i++) {
        const struct dump_route *r = &list->v[i];
        if (brief)
            buf_format(&lines, STR_FMT "\t%zu\n", STR_ARG(r->name), r->n_vhosts);
        for (size_t k = 0; !brief && k < r->n_vhosts; k++)
            add_vhost(d, a, r, &r->vhosts[k], &lines);
    }
    return finish(&lines, FAR, to);
}

/* --- upstreams ------------------------------------------------------------------------------- */

int dump_upstreams_table(const struct dump *d, const struct config_upstream *const *v, size_t n,
                         struct buf *to) {
    bool wide = d->form == DUMP_WIDE;
    struct buf lines;

    buf_init(&lines);
    buf_format(&lines, "SERVICE FQDN\tPORT\tSUBSET\tDIRECTION\tTYPE\tDESTINATION RULE%s\n",
               wide ? "\tENDPOINTS" : "");
    for (size_t i = 0; i < n; i++) {
        buf_format(&lines, STR_FMT "\t%u\t-\toutbound\t" STR_FMT "\t", STR_ARG(v[i]->name),
                   v[i]->n_uris ? v[i]->uris[0].port : 0, STR_ARG(dump_upstream_type(v[i])));
        if (wide) {
            buf_char(&lines, '\t');
            add_list(&lines, &v[i]->options.url, ",");
        }
        buf_char(&lines, '\n');
    }
    return finish(&lines, FAR, to);
}

/* --- certificates ---------------------------------------------------------------------------- */

/* As a number in hexadecimal: no leading zeros. */
static void add_serial(struct buf *to, struct str serial) {
    bool begun = false;

    for (size_t i = 0; i < serial.n; i++) {
        unsigned byte = (unsigned char)serial.p[i];
        if (begun || byte)
            buf_format(to, begun ? "%02x" : "%x", byte);
        begun = begun || byte;
    }
    if (!begun)
        buf_char(to, '0');
}

static void add_names(struct buf *to, const struct cert *cert) {
    struct cert_name name;
    bool first = true;

    for (struct str at = cert_names(cert); cert_next_name(&at, &name); first = false) {
        buf_str(to, first ? STR("") : STR(","));
        cert_name_text(&name, to);
    }
}

static void add_cert(const struct dump *d, const struct dump_cert *cert, struct buf *to) {
    buf_format(to, STR_FMT "\t%s\t%s\t%s\t", STR_ARG(cert->name), cert->is_ca ? "CA" : "Cert Chain",
               cert->there ? "ACTIVE" : "WARMING",
               dump_cert_is_valid(cert, d->certs->now_s) ? "true" : "false");
    if (cert->there) {
        add_serial(to, cert->cert.serial);
        buf_char(to, '\t');
        add_date(to, cert->cert.not_after_s);
        buf_char(to, '\t');
        add_date(to, cert->cert.not_before_s);
    } else {
        buf_str(to, STR("\t\t"));
    }
    if (d->form == DUMP_WIDE) {
        buf_char(to, '\t');
        if (cert->there)
            add_names(to, &cert->cert);
    }
    buf_char(to, '\n');
}

int dump_secrets_table(const struct dump *d, struct buf *to) {
    struct buf lines;

    buf_init(&lines);
    buf_format(&lines,
               "RESOURCE NAME\tTYPE\tSTATUS\tVALID CERT\tSERIAL NUMBER\tNOT AFTER\tNOT BEFORE%s\n",
               d->form == DUMP_WIDE ? "\tNAMES" : "");
    for (size_t i = 0; i < d->certs->n; i++)
        add_cert(d, &d->certs->v[i], &lines);
    return finish(&lines, FAR, to);
}
