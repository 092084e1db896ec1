/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"
#include "proto/h3/stream.h"

/* What happens to a connection as a whole, called from everywhere in this folder. */

/* How often streams are looked after. */
#define SWEEP_NS SECOND_NS

/* ---- the end ---- */

void h3_close(struct h3 *h3, uint64_t code, const char *text) {
    if (h3->mux.failed)
        return;
    h3->mux.failed = true;
    log_debug(h3->mux.env->log, "h3: closing with 0x%llx: %s", (unsigned long long)code, text);
    quic_close(h3->conn, code, text);
    mux_tell_gone(&h3->mux);
}

int h3_fail(struct h3 *h3, int error) {
    if (error == NGHTTP3_ERR_H3_EXCESSIVE_LOAD && h3->mux.server && !h3->mux.failed)
        excess_tell(h3->mux.env, h3->mux.peer, EXCESS_GLITCHES);
    h3_close(h3, nghttp3_err_infer_quic_app_error_code(error), nghttp3_strerror(error));
    return error == NGHTTP3_ERR_NOMEM ? ERR_NO_MEMORY : ERR_PROTOCOL;
}

/* Both directions count in one limit, as in h2; a stream counts once, and not at all when
 * the peer does what we asked for. */
void h3_count_reset(struct h3 *h3, struct mux_stream *s) {
    struct h3_stream *own = s ? h3_stream_of(s) : NULL;
    if (!h3->mux.server || (own && (own->counted || own->stop_sent || s->fin_sent)))
        return;
    if (own)
        own->counted = true;
    if (++h3->n_resets <= h3->mux.env->limits->resets || h3->mux.failed)
        return;
    excess_tell(h3->mux.env, h3->mux.peer, EXCESS_RESETS);
    h3_close(h3, H3_EXCESSIVE_LOAD, "too many resets");
}

/* ---- draining (RFC 9114 5.2) ---- */

void h3_drain_finally(struct h3 *h3) {
    if (h3->drained || h3->mux.failed)
        return;
    h3->drained = true;
    int rv = nghttp3_conn_shutdown(h3->ng);
    if (rv != 0)
        h3_fail(h3, rv);
    quic_wake(h3->conn);
}

void h3_drain(struct h3 *h3) {
    if (h3->draining || h3->mux.failed)
        return;
    h3->draining = true;
    h3->drain_ns = h3->mux.env->turn->now_ns;
    mux_tell_gone(&h3->mux);
    if (!h3->opened) {
        h3->drained = true;
        return;
    }
    int rv = h3->mux.server ? nghttp3_conn_submit_shutdown_notice(h3->ng) : 0;
    if (rv != 0)
        h3_fail(h3, rv);
    h3_watch(h3);
    quic_wake(h3->conn);
}

/* ---- timers, for the server role: a client's owner has its own ---- */

/* The final GOAWAY; then, when the last request has ended, the end: a client that has nothing to
 * say need not close by itself. */
uint64_t h3_drain_due(const struct h3 *h3) {
    if (!h3->draining)
        return UINT64_MAX;
    uint64_t final_ns = h3->drain_ns + H3_DRAIN_NS;
    if (!h3->drained)
        return final_ns;
    return (h3->mux.idle_ns > final_ns ? h3->mux.idle_ns : final_ns) + H3_DRAIN_NS;
}

static uint64_t deadline(const struct h3 *h3) {
    uint64_t now = h3->mux.env->turn->now_ns;
    if (!list_empty(&h3->mux.streams))
        return now + SWEEP_NS;
    uint64_t due = h3->mux.idle_ns + h3->mux.env->limits->idle_timeout_ns;
    uint64_t drain_due = h3_drain_due(h3);
    return drain_due < due ? drain_due : due;
}

void h3_watch(struct h3 *h3) {
    if (!h3->mux.server || h3->mux.failed)
        return;
    task_by(&h3->task, deadline(h3));
}
