/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/resolve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <ares.h>

#include "base/check.h"
#include "base/err.h"
#include "net/services.h"

enum { RESOLVER_MAGIC = 0x7265736f, QUERY_MAGIC = 0x71756572, TRIES = 2, TIMEOUT_MS = 2500 };

/* A socket of c-ares. */
struct resolver_socket {
    struct list link;
    struct loop_watch watch;
    struct resolver *resolver;
    struct grave grave;
};

struct resolver {
    uint32_t magic;
    struct loop *loop;
    struct log *log;
    struct task timer;
    struct list sockets;
    ares_channel_t *channel;
};

struct query {
    uint32_t magic;
    struct task *task; /* NULL: nobody wants it any more, c-ares' callback frees it */
    struct addr addrs[DIAL_ADDRS];
    int n, status;
    bool done;
};

/* ---- what c-ares calls: records ---- */

static void socket_free(struct grave *grave) {
    free(container_of(grave, struct resolver_socket, grave));
}

static void set_timer(struct resolver *r) {
    struct timeval room, *left = ares_timeout(r->channel, NULL, &room);
    if (!left) {
        task_stop_timer(&r->timer);
        return;
    }
    uint64_t ns = (uint64_t)left->tv_sec * SECOND_NS + (uint64_t)left->tv_usec * 1000;
    (void)task_at(&r->timer, loop_turn(r->loop)->now_ns + ns); /* else the dial times out */
}

static void on_ready(struct loop_watch *watch, int events) {
    struct resolver_socket *s = container_of(watch, struct resolver_socket, watch);
    struct resolver *r = s->resolver;
    check_magic(r, RESOLVER_MAGIC);
    ares_process_fd(r->channel, events & LOOP_READ ? watch->fd : ARES_SOCKET_BAD,
                    events & LOOP_WRITE ? watch->fd : ARES_SOCKET_BAD);
    set_timer(r);
}

static void on_timer(struct task *task, uint32_t events) {
    struct resolver *r = container_of(task, struct resolver, timer);
    (void)events;
    ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    set_timer(r);
}

static struct resolver_socket *socket_of(struct resolver *r, int fd) {
    list_each(&r->sockets, at, next) {
        struct resolver_socket *s = list_entry(at, struct resolver_socket, link);
        if (s->watch.fd == fd)
            return s;
    }
    return NULL;
}

static void drop_socket(struct resolver_socket *s) {
    loop_watch_fini(&s->watch);
    list_remove(&s->link);
    turn_bury(loop_turn(s->resolver->loop), &s->grave, socket_free);
}

static void on_socket_state(void *context, ares_socket_t fd, int readable, int writable) {
    struct resolver *r = context;
    check_magic(r, RESOLVER_MAGIC);
    struct resolver_socket *s = socket_of(r, fd);
    if (!readable && !writable) {
        if (s)
            drop_socket(s);
        return;
    }
    if (!s) {
        s = calloc(1, sizeof(*s));
        if (!s || loop_watch_init(&s->watch, r->loop, fd, on_ready) != 0) {
            free(s); /* the question runs into its timeout */
            return;
        }
        s->resolver = r;
        list_init(&s->link);
        list_append(&r->sockets, &s->link);
    }
    loop_watch_set(&s->watch, (readable ? LOOP_READ : 0) | (writable ? LOOP_WRITE : 0));
}

static void add_addr(struct query *q, const struct ares_addrinfo_node *node) {
    if (q->n == DIAL_ADDRS || node->ai_addrlen > sizeof(q->addrs[0].un))
        return;
    struct addr *a = &q->addrs[q->n++];
    memcpy(&a->sa, node->ai_addr, node->ai_addrlen);
    a->n = node->ai_addrlen;
}

static void on_answer(void *context, int status, int timeouts, struct ares_addrinfo *info) {
    struct query *q = context;
    (void)timeouts;
    check_magic(q, QUERY_MAGIC);
    for (const struct ares_addrinfo_node *node = info ? info->nodes : NULL; node;
         node = node->ai_next)
        add_addr(q, node);
    if (info)
        ares_freeaddrinfo(info);
    q->status = status;
    q->done = true;
    if (q->task)
        task_wake(q->task, QUERY_DONE);
    else
        free(q);
}

/* ---- questions ---- */

/* RFC 6761 6.3: nobody is asked about localhost. */
static bool is_localhost(struct str name) {
    if (name.n > 0 && name.p[name.n - 1] == '.')
        name.n--;
    struct str end = STR("localhost");
    if (name.n < end.n || !str_ieq((struct str){name.p + name.n - end.n, end.n}, end))
        return false;
    return name.n == end.n || name.p[name.n - end.n - 1] == '.';
}

static void answer(struct query *q, uint16_t port, const char *const *ips, int n) {
    for (int i = 0; i < n; i++)
        if (addr_from_ip(str_of(ips[i]), port, &q->addrs[q->n]) == 0)
            q->n++;
    q->done = true;
    task_wake(q->task, QUERY_DONE);
}

struct query *query_start(struct resolver *r, const char *name, uint16_t port, struct task *task) {
    static const char *const localhost[] = {"::1", "127.0.0.1"};
    struct addr literal;
    check_magic(r, RESOLVER_MAGIC);
    struct query *q = calloc(1, sizeof(*q));
    if (!q)
        return NULL;
    q->magic = QUERY_MAGIC;
    q->task = task;
    if (addr_from_ip(str_of(name), port, &literal) == 0) {
        answer(q, port, &name, 1);
    } else if (is_localhost(str_of(name))) {
        answer(q, port, localhost, 2);
    } else {
        struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
        char service[8];
        (void)snprintf(service, sizeof(service), "%u", port);
        hints.ai_flags = ARES_AI_NUMERICSERV;
        ares_getaddrinfo(r->channel, name, service, &hints, on_answer, q);
        set_timer(r);
    }
    return q;
}

void query_free(struct query *q) {
    if (!q)
        return;
    check_magic(q, QUERY_MAGIC);
    q->task = NULL;
    if (q->done)
        free(q);
}

int query_result(const struct query *q, const struct addr **ret_addrs, int *ret_n) {
    check_magic(q, QUERY_MAGIC);
    *ret_addrs = q->addrs;
    *ret_n = q->n;
    if (q->n > 0)
        return 0;
    switch (q->status) {
    case ARES_ENOMEM: return ERR_NO_MEMORY;
    case ARES_ETIMEOUT: return ERR_TIMEOUT;
    case ARES_SUCCESS:
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
    case ARES_EBADNAME:
    case ARES_EBADSTR: return ERR_NOT_FOUND;
    default: return ERR_SYSTEM;
    }
}

const char *query_problem(const struct query *q) {
    switch (query_result(q, &(const struct addr *){NULL}, &(int){0})) {
    case ERR_NOT_FOUND: return "the name does not exist";
    case ERR_TIMEOUT: return "the DNS servers do not answer";
    default: return ares_strerror(q->status);
    }
}

/* ---- life ---- */

struct resolver *resolver_new(struct loop *loop, struct log *log) {
    struct ares_options options = {
        .sock_state_cb = on_socket_state, .tries = TRIES, .timeout = TIMEOUT_MS};
    struct resolver *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    services_replace();
    r->magic = RESOLVER_MAGIC;
    r->loop = loop;
    r->log = log;
    list_init(&r->sockets);
    options.sock_state_cb_data = r;
    int mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TRIES | ARES_OPT_TIMEOUTMS;
    if (ares_init_options(&r->channel, &options, mask) != ARES_SUCCESS) {
        free(r);
        return NULL;
    }
    task_init(&r->timer, loop_turn(loop), on_timer);
    return r;
}

int resolver_set_servers(struct resolver *r, const char *servers) {
    check_magic(r, RESOLVER_MAGIC);
    int status = ares_set_servers_ports_csv(r->channel, servers);
    return status == ARES_SUCCESS ? 0 : status == ARES_ENOMEM ? ERR_NO_MEMORY : ERR_INVALID;
}

void resolver_free(struct resolver *r) {
    if (!r)
        return;
    check_magic(r, RESOLVER_MAGIC);
    ares_destroy(r->channel);
    list_each(&r->sockets, at, next)
        drop_socket(list_entry(at, struct resolver_socket, link));
    task_fini(&r->timer);
    r->magic = 0;
    free(r);
}
