/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"
#include "tls/native.h"
#include "tls/plain.h"

#include <wolfssl/error-ssl.h>

/*
 *   HANDSHAKE --> OPEN --> FINISHED
 *       |           |
 *       +---------> FAILED
 */
enum state {
    HANDSHAKE, /* no inner engine yet */
    OPEN,      /* bytes go both ways, or one when a close_notify was seen or sent */
    FINISHED,  /* both sides have sent close_notify: wolfSSL may only be freed now */
    FAILED,    /* what is in `out` still goes, an alert mostly */
};

enum {
    ENGINE_MAGIC = 0x746c7365,
    RECORD = 16384,         /* plaintext of a full record */
    ALONE = RECORD / 2,     /* a piece of so many bytes, a chunk say, is a record: no copy */
    AHEAD = 4 * RECORD,     /* encrypted in advance, so that one sendmsg is worth it */
    OUT_MOST = 16 * RECORD, /* a peer that makes us answer and does not read is left alone */
    INPUT = 2 * RECORD,
};

struct tls_engine {
    struct stream_engine base;
    uint32_t magic;
    enum state state;
    struct grave grave;
    struct task timer;
    struct tls_engine_config config;
    WOLFSSL *ssl;
    struct stream_engine *inner;
    uint64_t begin_ns;
    char *problem;

    uint8_t *input; /* our own, when no scratch was given or the inner engine was full */
    size_t input_cap;
    struct str unread; /* ciphertext that wolfSSL has not taken yet */
    struct buf out;    /* records for the driver, from out_begin on */
    size_t out_begin;

    bool is_client, seen_first, draining;
    bool fin_received; /* of TCP; told when all before it was read */
    bool notify_sent, notify_received;
};

static struct tls_engine *engine_of(const struct stream_engine *base) {
    struct tls_engine *e = container_of(base, struct tls_engine, base);
    check_magic(e, ENGINE_MAGIC);
    return e;
}

static size_t out_pending(const struct tls_engine *e) {
    return e->out.n - e->out_begin;
}

/* ---- what wolfSSL calls: bytes only ---- */

static int on_recv(WOLFSSL *ssl, char *to, int n, void *context) {
    (void)ssl;
    struct tls_engine *e = context;
    check_magic(e, ENGINE_MAGIC);
    size_t take = e->unread.n < (size_t)n ? e->unread.n : (size_t)n;
    if (take == 0)
        return WOLFSSL_CBIO_ERR_WANT_READ;
    memcpy(to, e->unread.p, take);
    e->unread.p += take;
    e->unread.n -= take;
    return (int)take;
}

static int on_send(WOLFSSL *ssl, char *from, int n, void *context) {
    (void)ssl;
    struct tls_engine *e = context;
    check_magic(e, ENGINE_MAGIC);
    if (e->out_begin > 0 && e->out.n == e->out_begin)
        e->out_begin = e->out.n = 0;
    /* After a full record there will be more: growing step by step would copy them. */
    if (n > RECORD && e->out.cap < AHEAD)
        (void)buf_reserve(&e->out, AHEAD + RECORD);
    buf_add(&e->out, from, (size_t)n);
    return e->out.failed ? WOLFSSL_CBIO_ERR_GENERAL : n;
}

/* ---- failing ---- */

static void set_state(struct tls_engine *e, enum state state) {
    e->state = state;
    if (state != HANDSHAKE)
        task_stop_timer(&e->timer);
    if (state == FAILED)
        engine_wake(&e->base, ENGINE_STATUS | ENGINE_OUTPUT);
}

static void count_failure(struct tls_engine *e, int err) {
    if (e->config.failures && err < 0 && err > -ERR_KINDS)
        e->config.failures[-err]++;
}

static int fail(struct tls_engine *e, int err, const char *problem) {
    if (e->state == FAILED || e->state == FINISHED)
        return err;
    if (!e->problem)
        e->problem = strdup(problem);
    if (e->state == HANDSHAKE) {
        count_failure(e, err);
        char remote[ADDR_TEXT];
        log_info(e->config.log, "TLS handshake with %s failed: %s",
                 addr_text(&e->config.peer->remote, remote), problem);
    }
    e->unread.n = 0;
    set_state(e, FAILED);
    return err;
}

static int fail_native(struct tls_engine *e, int native) {
    char problem[400];
    if (e->out.failed)
        return fail(e, ERR_NO_MEMORY, "out of memory");
    tls_session_problem(e->ssl, native, problem, sizeof(problem));
    return fail(e, tls_session_refused(e->ssl) ? ERR_REFUSED : ERR_TLS, problem);
}

/* ---- input ---- */

static int make_inner(struct tls_engine *e) {
    struct peer *peer = e->config.peer;
    peer->handshake_ns = e->config.turn->now_ns - e->begin_ns;
    int err = tls_session_facts(e->ssl, peer);
    if (err != 0)
        return fail(e, err,
                    err == ERR_NO_MEMORY ? "out of memory"
                                         : "the peer showed no certificate, and one is required");
    set_state(e, OPEN);
    e->inner = e->config.inner(e->config.inner_context, peer);
    if (!e->inner)
        return fail(e, ERR_CLOSED, "the connection was not taken");
    if (e->base.driver)
        engine_drive(e->inner, e->base.driver);
    if (e->draining)
        e->inner->ops->drain(e->inner);
    engine_wake(&e->base, ENGINE_OUTPUT | ENGINE_ROOM);
    return 0;
}

static int shake(struct tls_engine *e) {
    int done = wolfSSL_negotiate(e->ssl);
    /* Where 0-RTT was offered it first returns before the client's Finished. */
    if (done == WOLFSSL_SUCCESS && !wolfSSL_is_init_finished(e->ssl))
        done = wolfSSL_negotiate(e->ssl);
    if (done == WOLFSSL_SUCCESS)
        return make_inner(e);
    int native = wolfSSL_get_error(e->ssl, done);
    return native == WOLFSSL_ERROR_WANT_READ || native == WANT_READ ? 0 : fail_native(e, native);
}

/* wolfSSL takes whole records: what it has not decrypted is ours, or not here yet. Asked in vain it
 * writes a line into a queue of errors, which is dear. */
static bool may_read(const struct tls_engine *e) {
    return e->unread.n > 0 || wolfSSL_pending(e->ssl) > 0;
}

/* One read of plaintext. ERR_AGAIN: nothing more for now. */
static int read_some(struct tls_engine *e) {
    if (!may_read(e))
        return ERR_AGAIN;
    struct span room = e->inner->ops->room(e->inner);
    if (room.n == 0)
        return ERR_AGAIN;
    if (room.n > INT32_MAX)
        room.n = INT32_MAX;
    int n = wolfSSL_read(e->ssl, room.p, (int)room.n);
    if (n > 0) {
        int err = e->inner->ops->filled(e->inner, (size_t)n);
        return err == 0 ? 0 : fail(e, err, "the application ended the connection");
    }
    int native = wolfSSL_get_error(e->ssl, n);
    if (native == WOLFSSL_ERROR_WANT_READ || native == WANT_READ)
        return ERR_AGAIN;
    if (native != WOLFSSL_ERROR_ZERO_RETURN && native != ZERO_RETURN)
        return fail_native(e, native);
    e->notify_received = true;
    e->unread.n = 0;
    e->inner->ops->end_of_input(e->inner);
    return ERR_AGAIN;
}

static void tell_fin(struct tls_engine *e) {
    if (may_read(e))
        return;
    e->notify_received = true;
    if (e->is_client)
        (void)fail(e, ERR_CLOSED, "the connection was cut off (no close_notify)");
    else
        e->inner->ops->end_of_input(e->inner);
}

/* Everything that can be read now. Output that wolfSSL made on the way is told. */
static int read_all(struct tls_engine *e) {
    size_t before = out_pending(e);
    int err = 0;
    if (e->state == HANDSHAKE)
        err = shake(e);
    while (err == 0 && e->state == OPEN && !e->notify_received)
        err = read_some(e);
    if (e->fin_received && e->state == OPEN && !e->notify_received)
        tell_fin(e);
    if (out_pending(e) > before)
        engine_wake(&e->base, ENGINE_OUTPUT);
    return err == ERR_AGAIN ? 0 : err;
}

/* What wolfSSL left lies in memory that others will use: keep it. */
static int keep_unread(struct tls_engine *e) {
    if (e->unread.n == 0 || e->state == FAILED || !e->config.scratch.p)
        return 0;
    uint8_t *kept = malloc(e->unread.n);
    if (!kept)
        return fail(e, ERR_NO_MEMORY, "out of memory");
    memcpy(kept, e->unread.p, e->unread.n);
    free(e->input);
    e->input = kept;
    e->input_cap = e->unread.n;
    e->unread.p = (const char *)kept;
    return 0;
}

static void drop_input(struct tls_engine *e) {
    if (e->unread.n > 0)
        return;
    free(e->input);
    e->input = NULL;
    e->input_cap = 0;
}

static struct span tls_room(struct stream_engine *base) {
    struct tls_engine *e = engine_of(base);
    struct span none = {NULL, 0};
    /* Here the driver comes when the inner engine woke it with ENGINE_ROOM. */
    if (e->state == OPEN && !e->notify_received && read_all(e) != 0)
        return none;
    if (e->state > OPEN || e->notify_received || e->fin_received || e->unread.n > 0 ||
        out_pending(e) > OUT_MOST)
        return none;
    /* Decrypted bytes that the inner engine has no room for. */
    if (e->state == OPEN && wolfSSL_pending(e->ssl) > 0)
        return none;
    if (e->config.scratch.p) {
        drop_input(e);
        return e->config.scratch;
    }
    if (!e->input) {
        e->input = malloc(INPUT);
        e->input_cap = INPUT;
    }
    if (!e->input)
        (void)fail(e, ERR_NO_MEMORY, "out of memory");
    return (struct span){e->input, e->input ? e->input_cap : 0};
}

static int refuse_plain(struct tls_engine *e) {
    plain_answer(e->unread, &e->out);
    return fail(e, ERR_TLS, "plain HTTP was spoken to a port of HTTPS");
}

static int tls_filled(struct stream_engine *base, size_t n) {
    struct tls_engine *e = engine_of(base);
    if (e->state > OPEN || e->notify_received)
        return 0;
    e->unread =
        (struct str){(const char *)(e->config.scratch.p ? e->config.scratch.p : e->input), n};
    if (!e->seen_first && n > 0 && !e->is_client && plain_is_http(e->unread))
        return refuse_plain(e);
    e->seen_first = e->seen_first || n > 0;
    int err = read_all(e);
    if (err == 0)
        err = keep_unread(e);
    drop_input(e);
    return err;
}

static void tls_end_of_input(struct stream_engine *base) {
    struct tls_engine *e = engine_of(base);
    if (e->state == HANDSHAKE) {
        (void)fail(e, ERR_CLOSED, "the connection was closed during the handshake");
    } else if (e->state == OPEN && !e->notify_received) {
        e->fin_received = true;
        (void)read_all(e);
    }
}

/* ---- output ---- */

static int encrypt(struct tls_engine *e, const void *p, size_t n) {
    int done = wolfSSL_write(e->ssl, p, (int)n);
    return done == (int)n ? 0 : fail_native(e, wolfSSL_get_error(e->ssl, done));
}

/* Pieces of the inner engine as one record: every record costs 22 bytes and a tag. */
static size_t gather(const struct iovec *iov, int n, uint8_t *to, size_t cap) {
    size_t done = 0;
    for (int i = 0; i < n && done < cap; i++) {
        size_t take = iov[i].iov_len < cap - done ? iov[i].iov_len : cap - done;
        memcpy(to + done, iov[i].iov_base, take);
        done += take;
    }
    return done;
}

/* One record. ERR_AGAIN: the inner engine has nothing. */
static int write_record(struct tls_engine *e) {
    enum { PIECES = 32 };
    struct iovec iov[PIECES];
    uint8_t plain[RECORD];
    int n = e->inner->ops->pull(e->inner, iov, PIECES);
    if (n <= 0)
        return ERR_AGAIN;
    size_t bytes = iov[0].iov_len < RECORD ? iov[0].iov_len : RECORD;
    const void *from = iov[0].iov_base;
    if (bytes < ALONE) {
        bytes = gather(iov, n, plain, sizeof(plain));
        from = plain;
    }
    if (bytes == 0)
        return ERR_AGAIN;
    int err = encrypt(e, from, bytes);
    if (err == 0)
        e->inner->ops->pulled(e->inner, bytes);
    return err;
}

/* Once only: wolfSSL_shutdown may free what a second call would use. */
static void send_notify(struct tls_engine *e) {
    e->notify_sent = true;
    if (e->notify_received)
        set_state(e, FINISHED);
    if (wolfSSL_shutdown(e->ssl) == WOLFSSL_FATAL_ERROR)
        (void)fail(e, ERR_TLS, "close_notify could not be sent");
}

static void produce(struct tls_engine *e) {
    if (e->state == HANDSHAKE && e->is_client && !e->seen_first)
        (void)shake(e);
    int err = e->state == OPEN && !e->notify_sent ? 0 : ERR_CLOSED;
    if (err == 0 && e->out_begin > 0) {
        buf_drop(&e->out, e->out_begin);
        e->out_begin = 0;
    }
    while (err == 0 && e->out.n < AHEAD)
        err = write_record(e);
    enum engine_status status = err == ERR_AGAIN ? e->inner->ops->status(e->inner) : ENGINE_OPEN;
    if (status == ENGINE_SHUT_WRITE || status == ENGINE_DONE)
        send_notify(e);
}

static enum engine_status tls_status(const struct stream_engine *base) {
    const struct tls_engine *e = engine_of(base);
    if (e->state == FAILED)
        return ENGINE_DONE;
    return e->inner ? e->inner->ops->status(e->inner) : ENGINE_OPEN;
}

static int tls_pull(struct stream_engine *base, struct iovec *iov, int n) {
    struct tls_engine *e = engine_of(base);
    if (n <= 0 || tls_status(base) == ENGINE_CUT)
        return 0;
    if (out_pending(e) < RECORD)
        produce(e);
    if (out_pending(e) == 0)
        return 0;
    iov[0] = (struct iovec){e->out.p + e->out_begin, out_pending(e)};
    return 1;
}

static void tls_pulled(struct stream_engine *base, size_t bytes) {
    struct tls_engine *e = engine_of(base);
    check(bytes <= out_pending(e));
    bool was_full = out_pending(e) > OUT_MOST;
    e->out_begin += bytes;
    if (was_full && out_pending(e) <= OUT_MOST)
        engine_wake(&e->base, ENGINE_ROOM);
    if (out_pending(e) > 0)
        return;
    buf_fini(&e->out);
    buf_init(&e->out);
    e->out_begin = 0;
}

/* ---- life ---- */

static void tls_drain(struct stream_engine *base) {
    struct tls_engine *e = engine_of(base);
    e->draining = true;
    if (e->state == HANDSHAKE && !e->is_client)
        (void)task_by(&e->timer, e->config.turn->now_ns + ENGINE_DRAIN_NS);
    if (e->inner)
        e->inner->ops->drain(e->inner);
}

static void tls_drive(struct stream_engine *base, struct task *driver) {
    struct tls_engine *e = engine_of(base);
    if (e->inner)
        engine_drive(e->inner, driver);
    if (e->state == HANDSHAKE && e->is_client && driver)
        task_wake(driver, ENGINE_OUTPUT);
}

static void engine_free(struct grave *grave) {
    struct tls_engine *e = container_of(grave, struct tls_engine, grave);
    tls_session_free(e->ssl);
    buf_fini(&e->out);
    free(e->input);
    free(e->problem);
    e->magic = 0;
    free(e);
}

static void tls_free(struct stream_engine *base, int reason) {
    struct tls_engine *e = engine_of(base);
    if (e->config.tickets && (e->state == OPEN || e->state == FINISHED))
        tls_session_keep_ticket(e->ssl, e->config.tickets);
    if (e->state == HANDSHAKE)
        count_failure(e, ERR_CLOSED);
    if (e->inner)
        e->inner->ops->free(e->inner, reason);
    e->inner = NULL;
    e->base.driver = NULL;
    task_fini(&e->timer);
    turn_bury(e->config.turn, &e->grave, engine_free);
}

static void on_timer(struct task *task, uint32_t events) {
    struct tls_engine *e = container_of(task, struct tls_engine, timer);
    (void)events;
    if (e->state == HANDSHAKE)
        (void)fail(e, ERR_TIMEOUT, "the handshake took too long");
}

static const struct stream_engine_ops tls_ops = {
    .room = tls_room,
    .filled = tls_filled,
    .end_of_input = tls_end_of_input,
    .pull = tls_pull,
    .pulled = tls_pulled,
    .status = tls_status,
    .drain = tls_drain,
    .drive = tls_drive,
    .free = tls_free,
};

static bool set_up(struct tls_engine *e) {
    e->ssl = tls_session_new(e->config.context, e->config.host);
    if (!e->ssl)
        return false;
    wolfSSL_SSLSetIORecv(e->ssl, on_recv);
    wolfSSL_SSLSetIOSend(e->ssl, on_send);
    wolfSSL_SetIOReadCtx(e->ssl, e);
    wolfSSL_SetIOWriteCtx(e->ssl, e);
    if (e->config.tickets)
        tls_session_resume(e->ssl, e->config.tickets);
    uint64_t timeout = e->config.handshake_timeout_ns;
    return timeout == 0 || task_at(&e->timer, e->begin_ns + timeout) == 0;
}

struct stream_engine *tls_engine_new(const struct tls_engine_config *config) {
    struct tls_engine *e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    e->magic = ENGINE_MAGIC;
    e->base.ops = &tls_ops;
    e->config = *config;
    e->is_client = config->host != NULL;
    e->begin_ns = config->turn->now_ns;
    buf_init(&e->out);
    task_init(&e->timer, config->turn, on_timer);
    if (!set_up(e)) {
        task_fini(&e->timer);
        engine_free(&e->grave);
        return NULL;
    }
    return &e->base;
}

const char *tls_engine_problem(const struct stream_engine *base) {
    const struct tls_engine *e = engine_of(base);
    return e->problem ? e->problem : "";
}
