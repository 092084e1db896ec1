/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net_sim.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/list.h"

enum { PULL_BYTES = 65536, SEGMENTS = 16 };

struct flying {
    struct list link; /* net_sim.flying */
    uint64_t at_ns;
    int to;
    struct addr local, remote; /* as the receiver sees them */
    uint8_t ecn;
    size_t n;
    uint8_t data[];
};

struct net_sim {
    struct turn *turn;
    struct datagram_engine *ends[2];
    struct task drivers[2];
    struct net_sim_rules rules;
    struct net_sim_count counts[2];
    struct addr nat, also;
    bool (*tap)(void *context, int from, uint8_t *p, size_t size);
    void *tap_context;
    uint64_t random;
    struct list flying; /* by time */
    uint8_t buffer[PULL_BYTES];
};

struct addr net_sim_addr(int side) {
    struct addr a;
    check(addr_parse(side == NET_SIM_A ? STR("10.0.0.1:50000") : STR("10.0.0.2:443"), &a) == 0);
    return a;
}

/* xorshift64*: good enough for dice. */
static uint64_t draw(struct net_sim *n) {
    n->random ^= n->random >> 12;
    n->random ^= n->random << 25;
    n->random ^= n->random >> 27;
    return n->random * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

static bool happens(struct net_sim *n, unsigned of_1000) {
    return of_1000 > 0 && draw(n) % 1000 < of_1000;
}

/* The engines are pulled after each turn anyway. */
static void nothing(struct task *task, uint32_t events) {
    (void)task;
    (void)events;
}

static void set_end(struct net_sim *n, int side, struct datagram_engine *e) {
    n->ends[side] = e;
    if (e)
        e->driver = &n->drivers[side];
}

struct net_sim *net_sim_new(struct turn *turn, struct datagram_engine *a, struct datagram_engine *b,
                            uint64_t seed) {
    struct net_sim *n = calloc(1, sizeof(*n));
    check(n);
    n->turn = turn;
    list_init(&n->flying);
    n->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    n->rules = (struct net_sim_rules){.delay_ns = 5 * MS_NS};
    n->nat = n->also = net_sim_addr(NET_SIM_A);
    for (int side = 0; side < 2; side++)
        task_init(&n->drivers[side], turn, nothing);
    set_end(n, NET_SIM_A, a);
    set_end(n, NET_SIM_B, b);
    return n;
}

struct net_sim_rules *net_sim_rules(struct net_sim *n) {
    return &n->rules;
}

void net_sim_tap(struct net_sim *n, bool (*tap)(void *context, int from, uint8_t *p, size_t size),
                 void *context) {
    n->tap = tap;
    n->tap_context = context;
}

void net_sim_nat(struct net_sim *n, const struct addr *outside) {
    n->nat = *outside;
}

void net_sim_also(struct net_sim *n, const struct addr *inside) {
    n->also = *inside;
}

void net_sim_replace(struct net_sim *n, int side, struct datagram_engine *e) {
    if (n->ends[side])
        n->ends[side]->ops->free(n->ends[side]);
    set_end(n, side, e);
}

struct net_sim_count net_sim_count(const struct net_sim *n, int from) {
    return n->counts[from];
}

/* ---- the wire ---- */

static void fly(struct net_sim *n, const struct flying *head, const uint8_t *p, size_t size) {
    struct flying *f = malloc(sizeof(*f) + size);
    check(f);
    *f = *head;
    f->n = size;
    memcpy(f->data, p, size);
    if (happens(n, n->rules.corrupt) && size > 0)
        f->data[draw(n) % size] ^= (uint8_t)(1u << draw(n) % 8);
    if (happens(n, n->rules.reorder))
        f->at_ns += 1 + draw(n) % (2 * n->rules.delay_ns + 1);
    struct list *after = n->flying.prev;
    while (after != &n->flying && list_entry(after, struct flying, link)->at_ns > f->at_ns)
        after = after->prev;
    list_insert_before(after->next, &f->link);
}

/* Who gets what was sent to this address, and what both ends look like to him. */
static bool route(struct net_sim *n, int from, const struct datagram *d, struct flying *f) {
    struct addr a = net_sim_addr(NET_SIM_A);
    f->to = !from;
    f->local = d->remote;
    f->remote = d->local;
    if (from == NET_SIM_A) {
        if (addr_eq(&d->local, &a))
            f->remote = n->nat;
        return true;
    }
    if (addr_eq(&d->remote, &n->also) && !addr_eq(&n->also, &a))
        return true;
    f->local = a;
    return addr_eq(&d->remote, &n->nat);
}

static void send_one(struct net_sim *n, int from, const struct datagram *d, struct span packet) {
    struct flying f = {.at_ns = n->turn->now_ns + n->rules.delay_ns, .ecn = d->ecn};
    n->counts[from].datagrams++;
    n->counts[from].bytes += packet.n;
    n->counts[from].ecn += d->ecn != 0;
    if (n->tap && !n->tap(n->tap_context, from, packet.p, packet.n))
        return;
    if (!route(n, from, d, &f) || happens(n, n->rules.loss) ||
        (n->rules.mtu > 0 && packet.n > n->rules.mtu))
        return;
    fly(n, &f, packet.p, packet.n);
    if (happens(n, n->rules.duplicate))
        fly(n, &f, packet.p, packet.n);
}

static bool pull(struct net_sim *n, int from) {
    struct datagram_engine *e = n->ends[from];
    size_t max = n->rules.max_segments > 0 ? n->rules.max_segments : SEGMENTS;
    struct datagram d = {.data = n->buffer, .cap = sizeof(n->buffer)};
    bool any = false;
    while (e && e->ops->pull(e, &d, max)) {
        size_t segment = d.segment > 0 ? d.segment : d.n;
        size_t segments = (d.n + segment - 1) / segment;
        check(d.n > 0 && segments <= max);
        if (segments > n->counts[from].longest)
            n->counts[from].longest = segments;
        for (size_t at = 0; at < d.n; at += segment)
            send_one(n, from, &d,
                     (struct span){d.data + at, d.n - at < segment ? d.n - at : segment});
        any = true;
    }
    return any;
}

static void give(struct net_sim *n, struct flying *f) {
    struct datagram_engine *e = n->ends[f->to];
    struct datagram d = {.data = f->data,
                         .n = f->n,
                         .cap = f->n,
                         .local = f->local,
                         .remote = f->remote,
                         .ecn = f->ecn};
    if (e)
        e->ops->take(e, &d);
}

void net_sim_inject(struct net_sim *n, int to, const struct addr *from, const void *p,
                    size_t size) {
    struct flying f = {.at_ns = n->turn->now_ns, .to = to, .remote = *from};
    f.local = net_sim_addr(to);
    fly(n, &f, p, size);
}

static bool deliver(struct net_sim *n) {
    struct flying *f = list_first(&n->flying, struct flying, link);
    if (!f || f->at_ns > n->turn->now_ns)
        return false;
    list_remove(&f->link);
    give(n, f);
    free(f);
    return true;
}

/* ---- time ---- */

static void settle(struct net_sim *n) {
    bool again = true;
    while (again) {
        again = turn_run(n->turn, SIZE_MAX);
        again |= pull(n, NET_SIM_A);
        again |= pull(n, NET_SIM_B);
    }
}

static uint64_t next_ns(const struct net_sim *n) {
    uint64_t timer = turn_next_ns(n->turn);
    const struct flying *f = list_first(&n->flying, struct flying, link);
    return f && f->at_ns < timer ? f->at_ns : timer;
}

bool net_sim_run(struct net_sim *n, uint64_t max_ns, bool (*done)(void *context), void *context) {
    uint64_t end = n->turn->now_ns + max_ns;
    for (;;) {
        while (deliver(n))
            ;
        settle(n);
        if (done && done(context))
            return true;
        uint64_t next = next_ns(n);
        if (next > end)
            break;
        turn_begin(n->turn, next, n->turn->wall_s);
    }
    turn_begin(n->turn, end, n->turn->wall_s);
    return false;
}

void net_sim_free(struct net_sim *n) {
    net_sim_replace(n, NET_SIM_A, NULL);
    net_sim_replace(n, NET_SIM_B, NULL);
    list_each(&n->flying, at, next)
        free(list_entry(at, struct flying, link));
    for (int side = 0; side < 2; side++)
        task_fini(&n->drivers[side]);
    free(n);
}
