/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/address.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "sys/sock.h"

/* A sentence for people: why one cannot listen there. errno is as it was then. */
static void describe(const struct addr *addr, const char *what, int err, char to[ADDRESS_PROBLEM]) {
    char text[ADDR_TEXT];
    const char *advice = "";
    const char *what_err = err == ERR_SYSTEM ? strerror(errno) : err_text(err);

    addr_text(addr, text);
    if (err == ERR_EXISTS) {
        what_err = "the port is in use";
        advice = "; stop the program that has it, or choose another with --listen";
    } else if (err == ERR_REFUSED && addr_port(addr) < 1024) {
        advice = "; ports below 1024 need root or CAP_NET_BIND_SERVICE: use one above";
    }
    snprintf(to, ADDRESS_PROBLEM, "cannot listen on %s %s: %s%s", what, text, what_err, advice);
}

/* ---- what is wanted ---- */

static bool wants_udp(const struct address *a, const struct config *c) {
    for (size_t i = 0; i < a->n_servers; i++)
        if (config_http3(c, a->servers[i]))
            return true;
    return false;
}

static int *no_fds(unsigned workers) {
    int *fds = malloc((workers + 1) * sizeof *fds);

    if (!fds)
        return NULL;
    for (unsigned i = 0; i < workers; i++)
        fds[i] = -1;
    return fds;
}

/* The one of that address, new or there already; port 0 is another one each time. NULL: no
 * memory. */
static struct address *address_at(struct addresses *a, const struct config *c,
                                  const struct config_listen *listen) {
    struct address *new = &a->v[a->n];

    for (size_t i = 0; i < a->n; i++)
        if (addr_port(&listen->addr) && addr_eq(&a->v[i].wanted, &listen->addr))
            return &a->v[i];
    *new = (struct address){.wanted = listen->addr, .addr = listen->addr};
    new->optional = listen->optional;
    a->n++;
    new->servers = calloc(c->n_servers + 1, sizeof(struct config_server *));
    new->tcp_fds = no_fds(a->workers);
    new->udp_fds = no_fds(a->workers);
    return new->servers &&new->tcp_fds &&new->udp_fds ? new : NULL;
}

static int collect(struct addresses *a, struct config *c) {
    size_t n = c->http_redirect.n;

    for (size_t i = 0; i < c->n_servers; i++)
        n += c->servers[i]->n_listens;
    a->v = calloc(n + 1, sizeof *a->v);
    if (!a->v)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < c->n_servers; i++)
        for (size_t j = 0; j < c->servers[i]->n_listens; j++) {
            struct address *at = address_at(a, c, &c->servers[i]->listens[j]);
            if (!at)
                return ERR_NO_MEMORY;
            check(at->servers);
            at->servers[at->n_servers++] = c->servers[i];
            c->servers[i]->listens[j].address = (size_t)(at - a->v);
        }
    for (size_t i = 0; i < c->http_redirect.n; i++) {
        struct address *at = address_at(a, c, &c->http_redirect.v[i]);
        if (!at)
            return ERR_NO_MEMORY;
        at->plain = true;
        c->http_redirect.v[i].address = (size_t)(at - a->v);
    }
    return 0;
}

/* ---- sockets ---- */

/* One for each worker, or none. Several share the port, and QUIC's datagrams are dealt out by
 * connection id. A kernel that will not do so has one worker do all of it. */
static int bind_all(const struct addr *addr, int type, unsigned workers, int *fds) {
    struct sock_bind wanted = {.addr = *addr, .type = type, .reuse_port = workers > 1};
    int err = sock_bind(&wanted, &fds[0]);

    if (err || workers == 1)
        return err;
    if (type == SOCK_DGRAM && sock_steer_quic(fds[0], workers))
        return ERR_UNSUPPORTED;
    sock_names(fds[0], &wanted.addr, NULL);
    wanted.sibling = true;
    for (unsigned i = 1; !err && i < workers; i++)
        err = sock_bind(&wanted, &fds[i]);
    return err;
}

static void close_all(int *fds, unsigned n) {
    for (unsigned i = 0; fds && i < n; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

static int open_all(struct address *a, int type, unsigned workers, struct log *log) {
    int *fds = type == SOCK_STREAM ? a->tcp_fds : a->udp_fds;
    const char *what = a->plain ? "plain HTTP" : type == SOCK_STREAM ? "TCP" : "UDP";
    check(fds);
    int err = bind_all(&a->addr, type, workers, fds), number = errno;

    if (err)
        close_all(fds, workers);
    if (err == ERR_UNSUPPORTED && workers > 1) {
        log_warn(log, "the kernel does not steer QUIC to workers: one has all of HTTP/3");
        err = bind_all(&a->addr, type, 1, fds);
        number = errno;
    }
    errno = number;
    if (err)
        describe(&a->addr, what, err, a->problem);
    return err;
}

static int open_tcp(struct address *a, unsigned workers, struct log *log) {
    int err = open_all(a, SOCK_STREAM, workers, log);

    if (!err) {
        a->tcp = true;
        sock_names(a->tcp_fds[0], &a->addr, NULL);
        return 0;
    }
    /* One of a name that stands for two may be missing, as on a machine without IPv6. */
    if (a->optional && err != ERR_EXISTS) {
        log_debug(log, "%s", a->problem);
        return 0;
    }
    log_error(log, "%s", a->problem);
    return err;
}

static void open_udp(struct address *a, unsigned workers, struct log *log) {
    a->problem[0] = '\0';
    a->udp = open_all(a, SOCK_DGRAM, workers, log) == 0;
    if (!a->udp)
        log_warn(log, "%s; HTTP/3 is off there and alt-svc is not sent", a->problem);
}

static const struct address *same(const struct addresses *before, const struct address *a,
                                  const bool *taken) {
    for (size_t i = 0; before && i < before->n; i++)
        if (!taken[i] && before->v[i].tcp && before->v[i].plain == a->plain &&
            addr_eq(&before->v[i].wanted, &a->wanted))
            return &before->v[i];
    return NULL;
}

static void keep(struct address *a, const struct address *old, bool udp) {
    a->addr = old->addr;
    a->tcp = true;
    a->udp = udp && old->udp;
}

static int open_one(struct addresses *a, struct address *at, bool udp, struct log *log) {
    int err = at->tcp ? 0 : open_tcp(at, a->workers, log);

    if (!err && at->tcp && udp && !at->udp)
        open_udp(at, a->workers, log);
    return err;
}

static int open_each(struct addresses *a, struct config *c, const struct addresses *before,
                     struct log *log) {
    bool *taken = calloc(before ? before->n + 1 : 1, sizeof *taken);
    int first = taken ? 0 : ERR_NO_MEMORY;

    for (size_t i = 0; taken && i < a->n; i++) {
        const struct address *old = same(before, &a->v[i], taken);
        bool udp = wants_udp(&a->v[i], c);
        if (old) {
            check(before);
            taken[old - before->v] = true;
            keep(&a->v[i], old, udp);
        }
        int err = open_one(a, &a->v[i], udp, log);
        first = first ? first : err;
    }
    free(taken);
    return first;
}

/* So that the dumps show what is. */
static void note(const struct addresses *a, struct config_listen *listen) {
    const struct address *at = &a->v[listen->address];

    listen->addr = at->addr;
    listen->closed = !at->tcp;
    listen->no_mirror = !at->udp;
}

static int check_any(const struct addresses *a, struct log *log) {
    for (size_t i = 0; i < a->n; i++)
        if (a->v[i].tcp && !a->v[i].plain)
            return 0;
    log_error(log, "none of the addresses can be listened on");
    return ERR_SYSTEM;
}

int addresses_open(struct addresses *a, struct config *c, const struct addresses *before,
                   struct log *log) {
    int err = collect(a, c);

    if (!err)
        err = open_each(a, c, before, log);
    if (!err)
        err = check_any(a, log);
    if (err)
        return err;
    for (size_t i = 0; i < c->n_servers; i++)
        for (size_t j = 0; j < c->servers[i]->n_listens; j++)
            note(a, &c->servers[i]->listens[j]);
    for (size_t i = 0; i < c->http_redirect.n; i++)
        note(a, &c->http_redirect.v[i]);
    return 0;
}

void addresses_fini(struct addresses *a) {
    for (size_t i = 0; i < a->n; i++) {
        close_all(a->v[i].tcp_fds, a->workers);
        close_all(a->v[i].udp_fds, a->workers);
        free(a->v[i].servers);
        free(a->v[i].tcp_fds);
        free(a->v[i].udp_fds);
    }
    free(a->v);
    *a = (struct addresses){0};
}
