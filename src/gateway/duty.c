/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/duty.h"

#include "gateway/binding.h"
#include "gateway/dump/dump.h"

static struct binding *binding_of(struct list *link) {
    return list_entry(link, struct binding, link);
}

static struct outfit *outfit_at(struct list *link) {
    return list_entry(link, struct outfit, link);
}

static struct outfit *in_use(const struct worker *w) {
    return list_first(&w->outfits, struct outfit, link);
}

/* ---- another outfit ---- */

static struct venue *venue_at(struct outfit *o, const struct binding *b) {
    for (size_t i = 0; i < o->generation->addresses.n; i++)
        if (o->venues[i].address->tcp && binding_is_at(b, o->venues[i].address))
            return &o->venues[i];
    return NULL;
}

/* What older outfits promise of an address: alt-svc is for a mirror that is there only. */
static void withdraw(struct worker *w, const struct address *address) {
    list_each(&w->outfits, at, next) {
        struct outfit *o = outfit_at(at);
        for (size_t i = 0; o != in_use(w) && i < o->generation->addresses.n; i++)
            if (addr_eq(&o->venues[i].address->addr, &address->addr))
                venue_withdraw(&o->venues[i]);
    }
}

static void leave(struct worker *w, struct binding *b) {
    if (b->udp)
        withdraw(w, b->venue->address);
    list_remove(&b->link);
    list_append(&w->leaving, &b->link);
    binding_drain(b);
}

static void change_venues(struct worker *w, struct outfit *o) {
    list_each(&w->bindings, at, next) {
        struct binding *b = binding_of(at);
        struct venue *v = venue_at(o, b);
        struct binding *old;
        if (!v) {
            leave(w, b);
            continue;
        }
        old = binding_use(b, v);
        if (old)
            leave(w, old);
    }
}

/* What no binding of before has used. */
static void bind_new(struct worker *w, struct outfit *o) {
    for (size_t i = 0; i < o->generation->addresses.n; i++) {
        struct binding *b = o->venues[i].prepared;
        if (!b)
            continue;
        binding_begin(b);
        list_append(&w->bindings, &b->link);
    }
}

void duty_prepare(struct worker *w, void *preparation) {
    struct duty_preparation *p = preparation;
    struct outfit *o = p->outfit;

    p->err = 0;
    for (size_t i = 0; !p->err && i < o->generation->addresses.n; i++)
        if (o->venues[i].address->tcp)
            p->err = binding_prepare(w, &o->venues[i], p->log);
}

void duty_abandon(struct worker *w, void *outfit) {
    struct outfit *o = outfit;

    (void)w;
    for (size_t i = 0; o && i < o->generation->addresses.n; i++) {
        binding_free(o->venues[i].prepared);
        o->venues[i].prepared = NULL;
    }
}

void duty_put_on(struct worker *w, void *outfit) {
    struct outfit *o = outfit;

    list_prepend(&w->outfits, &o->link);
    access_log_use(&w->access_log, &o->access_log);
    change_venues(w, o);
    bind_new(w, o);
}

void duty_clear_up(struct worker *w, void *null) {
    (void)null;
    list_each(&w->outfits, at, next) {
        struct outfit *o = outfit_at(at);
        if (o == in_use(w) || !outfit_unused(o))
            continue;
        if (o->closed)
            outfit_free(o);
        else
            outfit_close(o);
    }
}

bool duty_uses(const struct worker *w, const struct generation *g) {
    list_each(&w->outfits, at, next)
        if (outfit_at(at)->generation == g)
            return true;
    return false;
}

/* ---- ends ---- */

void duty_drain(struct worker *w, void *null) {
    (void)null;
    list_each(&w->bindings, at, next)
        binding_drain(binding_of(at));
    list_each(&w->outfits, at, next)
        outfit_drain(outfit_at(at));
}

static bool all_idle(const struct list *bindings) {
    list_each(bindings, at, next)
        if (!binding_idle(binding_of(at)))
            return false;
    return true;
}

void duty_is_idle(struct worker *w, void *all) {
    if (!all_idle(&w->bindings) || !all_idle(&w->leaving))
        *(bool *)all = false;
}

void duty_has_left(struct worker *w, void *all) {
    if (!all_idle(&w->leaving))
        *(bool *)all = false;
}

static void free_all(struct list *bindings) {
    list_each(bindings, at, next)
        binding_free(binding_of(at));
}

void duty_let_go(struct worker *w, void *null) {
    (void)null;
    free_all(&w->leaving);
}

void duty_end(struct worker *w, void *null) {
    (void)null;
    free_all(&w->bindings);
    free_all(&w->leaving);
    list_each(&w->outfits, at, next)
        outfit_close(outfit_at(at));
}

/* ---- numbers ---- */

static void count_bindings(const struct list *bindings, struct stats *sum) {
    list_each(bindings, at, next) {
        const struct binding *b = binding_of(at);
        sum->tcp_now += b->plain ? 0 : binding_tcp(b);
        sum->quic_now += binding_quic(b);
        sum->quic_handshakes_now += binding_quic_handshakes(b);
        if (b->udp)
            quic_server_count(b->quic, &sum->quic);
    }
}

void duty_count(struct worker *w, void *to) {
    struct stats *sum = to;

    stats_add(sum, &w->stats);
    count_bindings(&w->bindings, sum);
    count_bindings(&w->leaving, sum);
    list_each(&w->outfits, at, next) {
        const struct outfit *o = outfit_at(at);
        sum->exchanges += o->http.n_exchanges;
        for (size_t i = 0; !o->closed && i < o->config->n_upstreams; i++)
            stats_upstream(sum, o->config->upstreams[i]->name, o->upstreams[i], true);
    }
}

void duty_count_addresses(struct worker *w, void *counts) {
    const struct outfit *o = in_use(w);
    struct dump_connections *to = counts;

    if (!o)
        return;
    list_each(&w->bindings, at, next) {
        const struct binding *b = binding_of(at);
        size_t i = (size_t)(b->venue->address - o->generation->addresses.v);
        to[i].tcp += binding_tcp(b);
        to[i].quic += binding_quic(b);
    }
}

void duty_reopen(struct worker *w, void *null) {
    (void)null;
    access_log_reopen(&w->access_log);
}
