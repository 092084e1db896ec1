/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/err.h"
#include "proto/h2/h2.h"
#include "proto/h2/stream.h"

enum {
    OUT_AHEAD = 16 * 1024, /* frames made before the driver has taken those before: a TLS record */
    RESET_RATE = 33,
    HEAD_WORTH = 256,
};

static struct h2 *h2_of_engine(const struct stream_engine *e) {
    struct h2 *h2 = container_of((struct stream_engine *)(uintptr_t)e, struct h2, engine);
    check_magic(h2, H2_MAGIC);
    return h2;
}

/* ---- input ---- */

static struct span room(struct stream_engine *e) {
    struct h2 *h2 = h2_of_engine(e);
    if (h2->mux.failed || h2->ended)
        return (struct span){NULL, 0};
    return (struct span){h2->mux.env->scratch, h2->mux.env->scratch_bytes};
}

/* Before nghttp2 sees it, which tells nothing of frames that it drops. A request is worth as much
 * as some bytes: it may be all that a client sends, beside a PRIORITY_UPDATE and the like. */
static void judge_frame(struct h2 *h2) {
    const struct framing *f = &h2->framing;
    if (f->type == NGHTTP2_HEADERS)
        h2_pay(h2, HEAD_WORTH);
    else if (f->type == NGHTTP2_DATA && f->length > 0)
        h2_pay(h2, f->length);
    else if (f->type != NGHTTP2_DATA && f->type != NGHTTP2_CONTINUATION)
        h2_charge(h2);
}

/* Even what is sent is longer than the fields may be, which count more. HEADERS alone are bounded
 * and get their 431 as any others. */
static bool block_too_long(const struct h2 *h2) {
    const struct framing *f = &h2->framing;
    return h2->mux.server && f->type == NGHTTP2_CONTINUATION &&
           f->block_length > h2->mux.env->limits->head_bytes;
}

/* What comes, as far as nghttp2 is to see it. */
static size_t look_over(struct h2 *h2, const uint8_t *p, size_t n) {
    uint64_t now = h2->mux.env->turn->now_ns;
    bool head;
    size_t at = 0;
    while (at < n) {
        at += framing_step(&h2->framing, p + at, n - at, now, &head);
        if (head)
            judge_frame(h2);
        if (head && block_too_long(h2))
            break;
    }
    h2_watch(h2);
    return at;
}

static int feed(struct h2 *h2, size_t n) {
    nghttp2_ssize taken = nghttp2_session_mem_recv2(h2->ng, h2->mux.env->scratch, n);
    if (taken >= 0)
        return 0;
    log_debug(h2->mux.env->log, "h2: %s", nghttp2_strerror((int)taken));
    if (taken == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS && h2->mux.server)
        excess_tell(h2->mux.env, h2->mux.peer, EXCESS_CONTINUATIONS);
    if (taken == NGHTTP2_ERR_FLOODED && h2->mux.server)
        excess_tell(h2->mux.env, h2->mux.peer, EXCESS_ANSWERS);
    h2_fail(h2);
    return taken == NGHTTP2_ERR_NOMEM ? ERR_NO_MEMORY : ERR_PROTOCOL;
}

/* The rest of the block is not read, so nothing behind it can be understood either. A request is
 * told why before the connection ends. NULL: there is none that could be. */
static struct mux_stream *answer_last(struct h2 *h2) {
    int32_t id = (int32_t)h2->framing.id;
    struct mux_stream *s = id > 0 ? nghttp2_session_get_stream_user_data(h2->ng, id) : NULL;
    if (!s || !s->end.x || s->head_came || s->closed || h2->last_answer)
        return NULL;
    h2->last_answer = id;
    return s;
}

/* header-timeout runs on for who does not take it. */
static void refuse_block(struct h2 *h2) {
    struct mux_stream *s = answer_last(h2);
    if (!s) {
        h2_calm_down(h2, EXCESS_HEAD);
        return;
    }
    s->head_came = true;
    s->head_verdict = ERR_LIMIT;
    mux_stream_came(s);
}

static int filled(struct stream_engine *e, size_t n) {
    struct h2 *h2 = h2_of_engine(e);
    if (h2->mux.failed)
        return ERR_CLOSED;
    if (h2->last_answer)
        return 0;
    size_t at = look_over(h2, h2->mux.env->scratch, n);
    int err = h2->mux.failed ? ERR_NO_MEMORY : feed(h2, at);
    if (err != 0)
        return err;
    if (block_too_long(h2))
        refuse_block(h2);
    h2_wake(h2);
    return 0;
}

static void end_of_input(struct stream_engine *e) {
    struct h2 *h2 = h2_of_engine(e);
    h2->ended = true;
    mux_tell_gone(&h2->mux);
    h2_wake(h2);
}

/* ---- output ---- */

static void make_output(struct h2 *h2) {
    const uint8_t *p;
    while (!h2->mux.failed && h2->out.n < OUT_AHEAD) {
        size_t before = h2->out.n;
        nghttp2_ssize n = nghttp2_session_mem_send2(h2->ng, &p);
        if (n < 0 || (n > 0 && out_add(&h2->out, p, (size_t)n) != 0))
            h2_fail(h2);
        /* 0 also comes when DATA went into out by h2_stream_send_data and asked for a pause */
        if (n == 0 && h2->out.n == before)
            break;
    }
}

static int pull(struct stream_engine *e, struct iovec *iov, int n) {
    struct h2 *h2 = h2_of_engine(e);
    make_output(h2);
    return out_iov(&h2->out, iov, n);
}

static void pulled(struct stream_engine *e, size_t bytes) {
    out_pulled(&h2_of_engine(e)->out, bytes);
}

static void drive(struct stream_engine *e, struct task *driver) {
    (void)driver;
    h2_wake(h2_of_engine(e));
}

static enum engine_status engine_status(const struct stream_engine *e) {
    return h2_status(h2_of_engine(e));
}

static void drain(struct stream_engine *e) {
    h2_drain(h2_of_engine(e));
}

/* ---- timers, for the server role: a client's owner has its own ---- */

/* Takes effect when the GOAWAY was pulled; until then the deadline must not be met again and
 * again. */
static void terminate(struct h2 *h2) {
    h2->framing.since_ns = 0;
    h2->mux.idle_ns = h2->mux.env->turn->now_ns;
    h2_terminate(h2, NGHTTP2_NO_ERROR);
}

/* write-timeout is for who does not take the answer. */
static void end_late(struct h2 *h2) {
    struct mux_stream *s = answer_last(h2);
    if (!s) {
        terminate(h2);
        return;
    }
    h2->framing.since_ns = 0;
    h2->last_is_late = true;
    mux_stream_break(s, REASON_CLIENT_TIMEOUT);
}

static void time_out(struct h2 *h2) {
    const struct http_limits *limits = h2->mux.env->limits;
    uint64_t now = h2->mux.env->turn->now_ns;
    if (h2->framing.since_ns && now - h2->framing.since_ns >= limits->header_timeout_ns) {
        end_late(h2);
        return;
    }
    if (h2->draining && now - h2->drain_ns >= H2_DRAIN_NS)
        h2_drain_finally(h2);
    if (list_empty(&h2->mux.streams) && now - h2->mux.idle_ns >= limits->idle_timeout_ns)
        terminate(h2);
    list_each(&h2->mux.streams, at, next)
        mux_stream_look_after(list_entry(at, struct mux_stream, link));
}

static void h2_run(struct task *task, uint32_t events) {
    struct h2 *h2 = container_of(task, struct h2, task);
    check_magic(h2, H2_MAGIC);
    if (h2->mux.failed)
        return;
    if ((events & STREAM_CAME) && h2->draining)
        h2_drain_finally(h2);
    if (events & TASK_TIMER)
        time_out(h2);
    h2_watch(h2);
    h2_wake(h2);
}

/* ---- birth and death ---- */

static void free_h2(struct grave *grave) {
    struct h2 *h2 = container_of(grave, struct h2, grave);
    out_fini(&h2->out);
    nghttp2_session_del(h2->ng);
    h2->magic = 0;
    free(h2);
}

static void engine_free(struct stream_engine *e, int reason) {
    struct h2 *h2 = h2_of_engine(e);
    e->driver = NULL;
    mux_end(&h2->mux, (enum reason)reason, h2->out.n == 0);
    task_fini(&h2->task);
    turn_bury(h2->mux.env->turn, &h2->grave, free_h2);
}

static const struct stream_engine_ops engine_ops = {
    .room = room,
    .filled = filled,
    .end_of_input = end_of_input,
    .pull = pull,
    .pulled = pulled,
    .status = engine_status,
    .drain = drain,
    .drive = drive,
    .free = engine_free,
};

static nghttp2_option *options_new(const struct http_limits *limits) {
    nghttp2_option *o;
    if (nghttp2_option_new(&o) != 0)
        return NULL;
    nghttp2_option_set_no_auto_window_update(o, 1);
    nghttp2_option_set_max_settings(o, limits->settings_entries);
    nghttp2_option_set_max_continuations(o, limits->continuations);
    nghttp2_option_set_stream_reset_rate_limit(o, 2 * (uint64_t)limits->resets, RESET_RATE);
    nghttp2_option_set_max_outbound_ack(o, EXCESS_MOST_ANSWERS);
    nghttp2_option_set_glitch_rate_limit(o, limits->glitches, limits->glitches / 10 + 1);
    nghttp2_option_set_peer_max_concurrent_streams(o, 100);
    nghttp2_option_set_builtin_recv_extension_type(o, NGHTTP2_PRIORITY_UPDATE);
    return o;
}

static int session_new(struct h2 *h2) {
    nghttp2_option *o = options_new(h2->mux.env->limits);
    nghttp2_session_callbacks *c = h2_callbacks_new();
    int err = NGHTTP2_ERR_NOMEM;
    if (o && c && h2->mux.server)
        err = nghttp2_session_server_new2(&h2->ng, c, h2, o);
    else if (o && c)
        err = nghttp2_session_client_new2(&h2->ng, c, h2, o);
    nghttp2_option_del(o);
    nghttp2_session_callbacks_del(c);
    return err == 0 ? 0 : ERR_NO_MEMORY;
}

/* RFC 8441's ENABLE_CONNECT_PROTOCOL belongs here once tunnels exist. */
static int submit_settings(struct h2 *h2) {
    const struct http_limits *limits = h2->mux.env->limits;
    int32_t conn = (int32_t)limits->conn_window_bytes;
    nghttp2_settings_entry v[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits->body_buffer_bytes},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits->head_bytes},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
    };
    if (h2->mux.server)
        v[3] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->streams};
    int err = nghttp2_submit_settings(h2->ng, NGHTTP2_FLAG_NONE, v, 4);
    if (err == 0)
        err = nghttp2_session_set_local_window_size(h2->ng, NGHTTP2_FLAG_NONE, 0, conn);
    return err == 0 ? 0 : ERR_NO_MEMORY;
}

static struct h2 *h2_new(struct http_env *env, const struct peer *peer, bool server) {
    struct h2 *h2 = calloc(1, sizeof(*h2));
    if (!h2)
        return NULL;
    h2->magic = H2_MAGIC;
    h2->engine.ops = &engine_ops;
    mux_init(&h2->mux, &h2_stream_ops, env, peer, server);
    framing_init(&h2->framing, server, env->turn->now_ns);
    out_init(&h2->out, env->chunks);
    task_init(&h2->task, env->turn, h2_run);
    if (session_new(h2) != 0 || submit_settings(h2) != 0) {
        nghttp2_session_del(h2->ng);
        free(h2);
        return NULL;
    }
    h2_watch(h2);
    return h2;
}

struct stream_engine *h2_server_new(struct http_env *env, const struct peer *peer) {
    struct h2 *h2 = h2_new(env, peer, true);
    return h2 ? &h2->engine : NULL;
}

static const struct http_client_ops client_ops = {.open = mux_back_open};

struct http_client *h2_client_new(struct http_env *env, const struct peer *peer,
                                  struct task *owner) {
    struct h2 *h2 = h2_new(env, peer, false);
    if (!h2)
        return NULL;
    h2->mux.client = (struct http_client){.ops = &client_ops,
                                          .owner = owner,
                                          .engine = &h2->engine,
                                          .max_streams = 100,
                                          .usable = true};
    return &h2->mux.client;
}
