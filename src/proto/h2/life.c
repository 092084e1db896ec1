/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "proto/h2/session.h"

/* What happens to a connection as a whole, called from everywhere in this folder. */

/* How often streams are looked after. */
#define SWEEP_NS SECOND_NS

/* ---- status and end ---- */

static bool wants_write(const struct h2 *h2) {
    return h2->out.n > 0 || (!h2->mux.failed && nghttp2_session_want_write(h2->ng));
}

enum engine_status h2_status(const struct h2 *h2) {
    if (h2->mux.failed || h2->ended)
        return ENGINE_DONE;
    bool open = nghttp2_session_want_read(h2->ng) || nghttp2_session_want_write(h2->ng);
    return open ? ENGINE_OPEN : ENGINE_DONE;
}

void h2_wake(struct h2 *h2) {
    uint32_t events = 0;
    if (wants_write(h2))
        events |= ENGINE_OUTPUT;
    if (h2_status(h2) != ENGINE_OPEN)
        events |= ENGINE_STATUS;
    if (events)
        engine_wake(&h2->engine, events);
}

void h2_fail(struct h2 *h2) {
    h2->mux.failed = true;
    mux_tell_gone(&h2->mux);
    engine_wake(&h2->engine, ENGINE_STATUS);
}

/* ---- draining (RFC 9113 6.8) ---- */

/* Requests that were on their way when we announced it are still taken; this one is final. */
void h2_drain_finally(struct h2 *h2) {
    if (h2->drained || h2->mux.failed)
        return;
    h2->drained = true;
    int32_t last = nghttp2_session_get_last_proc_stream_id(h2->ng);
    if (nghttp2_submit_goaway(h2->ng, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0) != 0)
        h2_fail(h2);
}

static void drain_server(struct h2 *h2) {
    static const uint8_t opaque[8] = {'d', 'r', 'a', 'i', 'n', 'i', 'n', 'g'};
    if (nghttp2_submit_shutdown_notice(h2->ng) != 0 ||
        nghttp2_submit_ping(h2->ng, NGHTTP2_FLAG_NONE, opaque) != 0)
        h2_fail(h2);
    h2->drain_ns = h2->mux.env->turn->now_ns;
    h2_watch(h2);
}

void h2_drain(struct h2 *h2) {
    if (h2->draining || h2->mux.failed)
        return;
    h2->draining = true;
    if (h2->mux.server)
        drain_server(h2);
    else
        h2_drain_finally(h2);
    mux_tell_gone(&h2->mux);
    h2_wake(h2);
}

void h2_credit(struct h2 *h2, size_t n) {
    if (!h2->mux.failed && nghttp2_session_consume_connection(h2->ng, n) != 0)
        h2_fail(h2);
}

/* Only queues GOAWAY and makes nghttp2 deaf. Without memory for that the end comes at once. */
void h2_terminate(struct h2 *h2, uint32_t code) {
    if (nghttp2_session_terminate_session(h2->ng, code) != 0)
        h2_fail(h2);
}

/* ---- what the peer costs ---- */

void h2_calm_down(struct h2 *h2, enum excess excess) {
    if (h2->calmed || h2->mux.failed)
        return;
    h2->calmed = true;
    excess_tell(h2->mux.env, h2->mux.peer, excess);
    h2_terminate(h2, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* Frames without a message cost time of an account: all of it at once are limits->control_frames
 * (CVE-2019-9512, -9515), and it fills again by itself and with the bytes that messages move. By
 * bytes, not by frames: with a tiny window each frame of ours carries one (CVE-2019-9511), while
 * who answers every DATA with two WINDOW_UPDATEs pays for them with 32. */
#define ACCOUNT_NS (10 * SECOND_NS)
enum { BYTES_A_FRAME = 16 };

static uint64_t frame_ns(const struct h2 *h2) {
    return ACCOUNT_NS / h2->mux.env->limits->control_frames;
}

void h2_charge(struct h2 *h2) {
    uint64_t now = h2->mux.env->turn->now_ns;
    if (h2->paid_ns < now)
        h2->paid_ns = now;
    h2->paid_ns += frame_ns(h2);
    if (h2->paid_ns - now > ACCOUNT_NS)
        h2_calm_down(h2, EXCESS_CONTROL_FRAMES);
}

void h2_pay(struct h2 *h2, uint64_t bytes) {
    uint64_t ns = bytes * frame_ns(h2) / BYTES_A_FRAME;
    h2->paid_ns -= ns < h2->paid_ns ? ns : h2->paid_ns;
}

/* ---- timers, for the server role: a client's owner has its own ---- */

static uint64_t deadline(const struct h2 *h2) {
    const struct http_limits *limits = h2->mux.env->limits;
    uint64_t due = UINT64_MAX;
    if (h2->framing.since_ns)
        due = h2->framing.since_ns + limits->header_timeout_ns;
    if (!list_empty(&h2->mux.streams))
        return h2->mux.env->turn->now_ns + SWEEP_NS < due ? h2->mux.env->turn->now_ns + SWEEP_NS
                                                          : due;
    if (h2->draining && !h2->drained && h2->drain_ns + H2_DRAIN_NS < due)
        due = h2->drain_ns + H2_DRAIN_NS;
    uint64_t idle = h2->mux.idle_ns + limits->idle_timeout_ns;
    return idle < due ? idle : due;
}

void h2_watch(struct h2 *h2) {
    if (!h2->mux.server || h2->mux.failed)
        return;
    task_by(&h2->task, deadline(h2));
}
