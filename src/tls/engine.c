/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "tls/native.h"
#include "tls/plain.h"
#include "tls/records.h"

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
    FAILED,    /* what is in `records` still goes, an alert mostly */
};

enum {
    ENGINE_MAGIC = 0x746c7365,
    ALONE = RECORD / 2,     /* a piece of so many bytes, a chunk say, is a record: no copy */
    OUT_MOST = 16 * RECORD, /* a peer that makes us answer and does not read is left alone */
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
    struct records records;

    bool is_client, seen_first, draining;
    bool fin_received; /* of TCP; told when all before it was read */
    bool notify_sent, notify_received;
};

static struct tls_engine *engine_of(const struct stream_engine *base) {
    struct tls_engine *e = container_of(base, struct tls_engine, base);
    check_magic(e, ENGINE_MAGIC);
    return e;
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
    e->records.unread.n = 0;
    set_state(e, FAILED);
    return err;
}

static int fail_native(struct tls_engine *e, int native) {
    char problem[400];
    if (e->records.out.failed)
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
    return e->records.unread.n > 0 || wolfSSL_pending(e->ssl) > 0;
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
    e->records.unread.n = 0;
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
    size_t before = records_pending(&e->records);
    int err = 0;
    if (e->state == HANDSHAKE)
        err = shake(e);
    while (err == 0 && e->state == OPEN && !e->notify_received)
        err = read_some(e);
    if (e->fin_received && e->state == OPEN && !e->notify_received)
        tell_fin(e);
    if (records_pending(&e->records) > before)
        engine_wake(&e->base, ENGINE_OUTPUT);
    return err == ERR_AGAIN ? 0 : err;
}

static struct span tls_room(struct stream_engine *base) {
    struct tls_engine *e = engine_of(base);
    struct span none = {NULL, 0};
    /* Here the driver comes when the inner engine woke it with ENGINE_ROOM. */
    if (e->state == OPEN && !e->notify_received && read_all(e) != 0)
        return none;
    if (e->state > OPEN || e->notify_received || e->fin_received || e->records.unread.n > 0 ||
        records_pending(&e->records) > OUT_MOST)
        return none;
    /* Decrypted bytes that the inner engine has no room for. */
    if (e->state == OPEN && wolfSSL_pending(e->ssl) > 0)
        return none;
    struct span room = records_room(&e->records);
    if (room.n == 0)
        (void)fail(e, ERR_NO_MEMORY, "out of memory");
    return room;
}

static int refuse_plain(struct tls_engine *e) {
    plain_answer(e->records.unread, &e->records.out);
    return fail(e, ERR_TLS, "plain HTTP was spoken to a port of HTTPS");
}

static int tls_filled(struct stream_engine *base, size_t n) {
    struct tls_engine *e = engine_of(base);
    if (e->state > OPEN || e->notify_received)
        return 0;
    records_filled(&e->records, n);
    if (!e->seen_first && n > 0 && !e->is_client && plain_is_http(e->records.unread))
        return refuse_plain(e);
    e->seen_first = e->seen_first || n > 0;
    int err = read_all(e);
    if (err == 0 && e->state != FAILED && records_keep(&e->records) != 0)
        err = fail(e, ERR_NO_MEMORY, "out of memory");
    records_let_go(&e->records);
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
    if (err == 0)
        records_close_up(&e->records);
    while (err == 0 && records_pending(&e->records) < AHEAD)
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
    if (records_pending(&e->records) < RECORD)
        produce(e);
    if (records_pending(&e->records) == 0)
        return 0;
    iov[0] = records_iov(&e->records);
    return 1;
}

static void tls_pulled(struct stream_engine *base, size_t bytes) {
    struct tls_engine *e = engine_of(base);
    bool was_full = records_pending(&e->records) > OUT_MOST;
    records_pulled(&e->records, bytes);
    if (was_full && records_pending(&e->records) <= OUT_MOST)
        engine_wake(&e->base, ENGINE_ROOM);
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
    records_fini(&e->records);
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
    records_attach(&e->records, e->ssl);
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
    records_init(&e->records, config->scratch);
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
