/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/peek.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"
#include "tls/plain.h"

/*
 *   LOOKING --> PASSING
 *      |
 *      +------> FAILED
 */
enum state {
    LOOKING, /* the hello is not complete */
    PASSING, /* the inner engine has it all; first it gets what was kept */
    FAILED,  /* what is in `out` still goes */
};

enum { PEEK_MAGIC = 0x7065656b, READ = 4096 };

enum { DECODE_ERROR = 50, UNRECOGNIZED_NAME = 112 }; /* RFC 8446 6 */

struct peek {
    struct stream_engine base;
    uint32_t magic;
    enum state state;
    struct grave grave;
    struct task timer;
    struct peek_config config;
    struct stream_engine *inner;
    struct buf kept; /* what came, until the inner engine has it; from kept_begin on */
    size_t kept_begin;
    struct buf out;
    size_t out_begin;
    bool draining, fin_received;
    bool refused; /* the inner engine would not take what was kept: the end after its output */
};

static struct peek *peek_of(const struct stream_engine *base) {
    struct peek *e = container_of(base, struct peek, base);
    check_magic(e, PEEK_MAGIC);
    return e;
}

/* ---- failing ---- */

static int fail(struct peek *e, int err, const char *problem) {
    char remote[ADDR_TEXT];
    if (e->state != LOOKING)
        return err;
    if (e->config.failures && err < 0 && err > -ERR_KINDS)
        e->config.failures[-err]++;
    log_info(e->config.log, "TLS handshake with %s failed: %s",
             addr_text(&e->config.peer->remote, remote), problem);
    e->state = FAILED;
    task_stop_timer(&e->timer);
    buf_fini(&e->kept);
    engine_wake(&e->base, ENGINE_STATUS | ENGINE_OUTPUT);
    return err;
}

/* As nothing was agreed on yet, the alert is a record in the clear (RFC 8446 5.1). */
static int alert(struct peek *e, uint8_t description, int err, const char *problem) {
    const uint8_t record[] = {21, 3, 3, 0, 2, 2, description};
    buf_add(&e->out, record, sizeof(record));
    return fail(e, err, problem);
}

static int refuse(struct peek *e, const struct hello *hello) {
    if (hello)
        return alert(e, UNRECOGNIZED_NAME, ERR_REFUSED, "no server has the name it asks for");
    if (plain_is_http(buf_view(&e->kept)))
        plain_answer(buf_view(&e->kept), &e->out);
    return fail(e, ERR_TLS, "TLS is spoken here, and it came with something else");
}

/* ---- handing over ---- */

/* What was kept, as far as the inner engine has room for it. */
static int feed(struct peek *e) {
    const struct stream_engine_ops *ops = e->inner->ops;
    int err = 0;
    while (err == 0 && e->kept_begin < e->kept.n) {
        struct span room = ops->room(e->inner);
        size_t n = e->kept.n - e->kept_begin;
        n = n < room.n ? n : room.n;
        if (n == 0)
            return 0; /* its ENGINE_ROOM makes the driver ask us for room */
        memcpy(room.p, e->kept.p + e->kept_begin, n);
        e->kept_begin += n;
        err = ops->filled(e->inner, n);
    }
    buf_fini(&e->kept);
    e->kept_begin = 0;
    if (err == 0 && e->fin_received)
        ops->end_of_input(e->inner);
    e->refused = err != 0;
    if (err != 0)
        engine_wake(&e->base, ENGINE_STATUS | ENGINE_OUTPUT);
    return err;
}

static bool has_kept(const struct peek *e) {
    return e->kept_begin < e->kept.n;
}

static int hand_over(struct peek *e, const struct hello *hello) {
    struct peer *peer = e->config.peer;
    if (hello && peer_set_sni(peer, hello->sni) != 0)
        return fail(e, ERR_NO_MEMORY, "out of memory");
    e->inner = e->config.choose(e->config.context, peer, hello);
    if (!e->inner)
        return refuse(e, hello);
    e->state = PASSING;
    e->base.patient = e->inner->patient;
    task_stop_timer(&e->timer);
    if (e->base.driver)
        engine_drive(e->inner, e->base.driver);
    if (e->draining)
        e->inner->ops->drain(e->inner);
    engine_wake(&e->base, ENGINE_OUTPUT | ENGINE_ROOM);
    return feed(e);
}

static int look(struct peek *e) {
    struct hello hello;
    switch (hello_parse(buf_view(&e->kept), &hello)) {
    case HELLO_MORE: return 0;
    case HELLO_NOT_TLS: return hand_over(e, NULL);
    case HELLO_MALFORMED:
        return alert(e, DECODE_ERROR, ERR_PROTOCOL, "its ClientHello is malformed");
    case HELLO_DONE: break;
    }
    return hand_over(e, &hello);
}

/* ---- input ---- */

static struct span room_to_look(struct peek *e) {
    struct span none = {NULL, 0};
    /* hello_parse has refused more than HELLO_MAX. */
    size_t most = HELLO_MAX - e->kept.n;
    if (buf_reserve(&e->kept, READ < most ? READ : most) != 0) {
        (void)fail(e, ERR_NO_MEMORY, "out of memory");
        return none;
    }
    size_t n = e->kept.cap - e->kept.n - 1;
    return (struct span){e->kept.p + e->kept.n, n < most ? n : most};
}

static struct span peek_room(struct stream_engine *base) {
    struct peek *e = peek_of(base);
    struct span none = {NULL, 0};
    if (e->state == LOOKING && !e->fin_received)
        return room_to_look(e);
    if (e->state != PASSING || e->refused)
        return none;
    if (has_kept(e) && (feed(e) != 0 || has_kept(e)))
        return none;
    return e->inner->ops->room(e->inner);
}

static int peek_filled(struct stream_engine *base, size_t n) {
    struct peek *e = peek_of(base);
    if (e->state == PASSING)
        return e->inner->ops->filled(e->inner, n);
    if (e->state == FAILED)
        return 0;
    e->kept.n += n;
    return look(e);
}

static void peek_end_of_input(struct stream_engine *base) {
    struct peek *e = peek_of(base);
    e->fin_received = true;
    if (e->state == LOOKING)
        (void)fail(e, ERR_CLOSED, "the connection was closed during the handshake");
    else if (e->state == PASSING && !has_kept(e) && !e->refused)
        e->inner->ops->end_of_input(e->inner);
}

/* ---- output ---- */

static int peek_pull(struct stream_engine *base, struct iovec *iov, int n) {
    struct peek *e = peek_of(base);
    if (e->state == PASSING)
        return e->inner->ops->pull(e->inner, iov, n);
    if (n <= 0 || e->out_begin == e->out.n)
        return 0;
    iov[0] = (struct iovec){e->out.p + e->out_begin, e->out.n - e->out_begin};
    return 1;
}

static void peek_pulled(struct stream_engine *base, size_t bytes) {
    struct peek *e = peek_of(base);
    if (e->state == PASSING) {
        e->inner->ops->pulled(e->inner, bytes);
        return;
    }
    check(bytes <= e->out.n - e->out_begin);
    e->out_begin += bytes;
}

static enum engine_status peek_status(const struct stream_engine *base) {
    const struct peek *e = peek_of(base);
    if (e->state == LOOKING)
        return ENGINE_OPEN;
    enum engine_status status = e->inner ? e->inner->ops->status(e->inner) : ENGINE_DONE;
    return e->refused && status != ENGINE_CUT ? ENGINE_DONE : status;
}

/* ---- life ---- */

static void peek_drain(struct stream_engine *base) {
    struct peek *e = peek_of(base);
    e->draining = true;
    if (e->state == LOOKING)
        (void)task_by(&e->timer, e->config.turn->now_ns + ENGINE_DRAIN_NS);
    if (e->inner)
        e->inner->ops->drain(e->inner);
}

static void peek_drive(struct stream_engine *base, struct task *driver) {
    struct peek *e = peek_of(base);
    if (e->inner)
        engine_drive(e->inner, driver);
}

static void peek_bury(struct grave *grave) {
    struct peek *e = container_of(grave, struct peek, grave);
    buf_fini(&e->kept);
    buf_fini(&e->out);
    e->magic = 0;
    free(e);
}

static void peek_free(struct stream_engine *base, int reason) {
    struct peek *e = peek_of(base);
    if (e->state == LOOKING && e->config.failures)
        e->config.failures[-ERR_CLOSED]++;
    if (e->inner)
        e->inner->ops->free(e->inner, reason);
    e->inner = NULL;
    e->base.driver = NULL;
    task_fini(&e->timer);
    turn_bury(e->config.turn, &e->grave, peek_bury);
}

static void on_timer(struct task *task, uint32_t events) {
    struct peek *e = container_of(task, struct peek, timer);
    (void)events;
    (void)fail(e, ERR_TIMEOUT, "the handshake took too long");
}

static const struct stream_engine_ops peek_ops = {
    .room = peek_room,
    .filled = peek_filled,
    .end_of_input = peek_end_of_input,
    .pull = peek_pull,
    .pulled = peek_pulled,
    .status = peek_status,
    .drain = peek_drain,
    .drive = peek_drive,
    .free = peek_free,
};

struct stream_engine *peek_engine_new(const struct peek_config *config) {
    struct peek *e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    e->magic = PEEK_MAGIC;
    e->base.ops = &peek_ops;
    e->config = *config;
    buf_init(&e->kept);
    buf_init(&e->out);
    task_init(&e->timer, config->turn, on_timer);
    uint64_t timeout = config->handshake_timeout_ns;
    if (timeout > 0 && task_at(&e->timer, config->turn->now_ns + timeout) != 0) {
        task_fini(&e->timer);
        free(e);
        return NULL;
    }
    return &e->base;
}
