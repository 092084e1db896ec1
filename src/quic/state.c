/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "quic/conn.h"
#include "quic/counters.h"
#include "quic/crypto.h"
#include "quic/trace.h"

/* How connections end, and the sentence that says why. */

/* A state is never come back to. */
static void uncount(struct hub *h, enum conn_state before, enum conn_state now) {
    if (before == CONN_HANDSHAKE) {
        h->n_handshakes--;
        quota_leave(h->config.handshakes);
    }
    if (before <= CONN_ENDING && now > CONN_ENDING) {
        h->n_live--;
        quota_leave(h->config.conns);
    }
}

void conn_set_state(struct quic_conn *c, enum conn_state state) {
    check(state > c->state);
    uncount(c->hub, c->state, state);
    c->state = state;
    if (state >= CONN_ENDING)
        task_wake(&c->task, CONN_ACT);
    if (state >= CONN_DRAINING)
        list_remove(&c->ready);
}

void conn_want_close(struct quic_conn *c, bool is_app, uint64_t code, const char *text) {
    if (c->close.wanted)
        return;
    c->close = (struct conn_close){.wanted = true, .is_app = is_app, .code = code};
    (void)snprintf(c->close.text, sizeof(c->close.text), "%s", text ? text : "");
    task_wake(&c->task, CONN_ACT);
}

/* ---- why ---- */

static void tell(struct quic_conn *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void tell(struct quic_conn *c, const char *format, ...) {
    va_list args;
    va_start(args, format);
    (void)vsnprintf(c->hub->problem, sizeof(c->hub->problem), format, args);
    va_end(args);
}

static const char *alert_text(uint8_t alert) {
    switch (alert) {
    case 40: return "handshake_failure";
    case 42: return "bad_certificate";
    case 43: return "unsupported_certificate";
    case 44: return "certificate_revoked";
    case 45: return "certificate_expired";
    case 46: return "certificate_unknown";
    case 47: return "illegal_parameter";
    case 48: return "unknown_ca";
    case 51: return "decrypt_error";
    case 80: return "internal_error";
    case 109: return "missing_extension";
    case 112: return "unrecognized_name";
    case 116: return "certificate_required";
    case 120: return "no_application_protocol";
    default: return "";
    }
}

/* Chrome sends 46 for every root that is not its own, even if the system trusts it. */
static const char *alert_hint(uint8_t alert) {
    return alert == 42 || alert == 46 || alert == 48
               ? "; it does not trust the certificate (browsers refuse local roots over QUIC "
                 "unless told otherwise)"
               : "";
}

static void tell_closed_by_peer(struct quic_conn *c) {
    const ngtcp2_ccerr *e = ngtcp2_conn_get_ccerr2(c->q);
    char reason[160];
    if (c->stateless_reset) {
        tell(c, "the peer no longer knows the connection (stateless reset)");
        return;
    }
    bool is_app = e->type == NGTCP2_CCERR_TYPE_APPLICATION;
    if (!is_app && e->error_code >= NGTCP2_CRYPTO_ERROR &&
        e->error_code <= NGTCP2_CRYPTO_ERROR + UINT8_MAX) {
        uint8_t alert = (uint8_t)e->error_code;
        tell(c, "the peer ended it with TLS alert %u %s (code 0x%" PRIx64 ")%s", alert,
             alert_text(alert), e->error_code, alert_hint(alert));
        return;
    }
    size_t n = e->reasonlen < 64 ? e->reasonlen : 64;
    (void)str_escape((struct str){(const char *)e->reason, n}, reason, sizeof(reason));
    tell(c, "the peer closed the connection (%s code 0x%" PRIx64 "%s%s)",
         is_app ? "application" : "transport", e->error_code, *reason ? ": " : "", reason);
}

static void tell_timeout(struct quic_conn *c) {
    char remote[ADDR_TEXT];
    ngtcp2_conn_info info;
    ngtcp2_conn_get_conn_info2(c->q, &info);
    uint64_t ms = (c->hub->config.turn->now_ns - c->begin_ns + MS_NS / 2) / MS_NS;
    bool silent = info.pkt_recv == 0;
    tell(c, "%s %s over UDP within %" PRIu64 ".%" PRIu64 " s",
         silent ? "no answer from" : "the handshake did not end with",
         addr_text(&c->peer.remote, remote), ms / 1000, ms % 1000 / 100);
}

static void tell_error(struct quic_conn *c, int liberr) {
    if (c->close.wanted)
        tell(c, "%s", c->close.is_app ? "" : c->close.text);
    else if (liberr == NGTCP2_ERR_DRAINING)
        tell_closed_by_peer(c);
    else if (liberr == NGTCP2_ERR_CRYPTO)
        crypto_problem(c->tls, c->hub->problem, sizeof(c->hub->problem));
    else if (c->state == CONN_HANDSHAKE &&
             (liberr == NGTCP2_ERR_HANDSHAKE_TIMEOUT || liberr == NGTCP2_ERR_IDLE_CLOSE))
        tell_timeout(c);
    else if (liberr == NGTCP2_ERR_IDLE_CLOSE)
        tell(c, "the connection was idle for too long");
    else if (liberr == NGTCP2_ERR_RECV_VERSION_NEGOTIATION)
        tell(c, "the peer speaks no version of QUIC that we speak");
    else
        tell(c, "%s", ngtcp2_strerror(liberr));
}

static void log_end(const struct quic_conn *c) {
    char remote[ADDR_TEXT];
    bool half_open = c->state == CONN_HANDSHAKE;
    if (c->hub->problem[0])
        log_at(c->hub->config.log, half_open ? LOG_INFO : LOG_DEBUG, "quic: %s %s: %s",
               addr_text(&c->peer.remote, remote),
               half_open ? "handshake failed" : "connection ended", c->hub->problem);
}

/* ---- ends ---- */

/* When the ids go: late packets must find them for so long (RFC 9000 10.2). */
static void linger(struct quic_conn *c) {
    uint64_t until = c->hub->config.turn->now_ns + 3 * ngtcp2_conn_get_pto2(c->q);
    if (task_at(&c->task, until) != 0)
        conn_set_state(c, CONN_GONE);
}

void conn_fail(struct quic_conn *c, int liberr) {
    if (c->state >= CONN_ENDING)
        return;
    /* What was damaged on its way, or is no beginning of a connection, is none. */
    if (liberr != NGTCP2_ERR_DROP_CONN && liberr != NGTCP2_ERR_RETRY) {
        tell_error(c, liberr);
        log_end(c);
        if (!c->app_open)
            counters_failure(c, liberr);
    }
    uint8_t alert = liberr == NGTCP2_ERR_CRYPTO ? ngtcp2_conn_get_tls_alert2(c->q) : 0;
    if (alert)
        conn_want_close(c, false, NGTCP2_CRYPTO_ERROR + alert, "");
    switch (liberr) {
    case NGTCP2_ERR_DRAINING: conn_set_state(c, CONN_DRAINING); break;
    case NGTCP2_ERR_DROP_CONN:
    case NGTCP2_ERR_RETRY:
    case NGTCP2_ERR_IDLE_CLOSE:
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
    case NGTCP2_ERR_RECV_VERSION_NEGOTIATION: conn_set_state(c, CONN_GONE); return;
    default:
        conn_want_close(c, false, ngtcp2_err_infer_quic_transport_error_code(liberr), "");
        hub_ready(c);
        conn_set_state(c, CONN_ENDING);
    }
    linger(c);
}

/* Who was killed says nothing, and a drain would wait for it until the idle timeout. So a peer
 * is asked for a sign of life each second while we drain, and given up after three, or after
 * three times what its answer may take at most: that of a living one is an ACK. */
static const uint64_t ping_ns = SECOND_NS, silence_ns = 3 * SECOND_NS;

static uint64_t give_up_ns(const struct quic_conn *c) {
    uint64_t patience_ns = 3 * ngtcp2_conn_get_pto2(c->q);
    return c->heard_ns + (patience_ns > silence_ns ? patience_ns : silence_ns);
}

static void begin_drain(struct quic_conn *c) {
    c->app_drained = true;
    c->heard_ns = c->hub->config.turn->now_ns;
    ngtcp2_conn_set_keep_alive_timeout(c->q, ping_ns);
    c->app->ops->drain(c->app);
}

/* UINT64_MAX: it does not drain, or its application has not heard of it. */
static uint64_t drain_due(const struct quic_conn *c) {
    if (!c->hub->draining)
        return UINT64_MAX;
    if (!c->app_open)
        return c->hub->drain_ns + ENGINE_DRAIN_NS;
    return c->app_drained ? give_up_ns(c) : UINT64_MAX;
}

/* A server lets handshakes end, so that the client hears that it is to go elsewhere. */
static void drain_handshake(struct quic_conn *c) {
    if (!c->hub->is_server)
        conn_want_close(c, false, NGTCP2_NO_ERROR, "");
    else if (c->hub->config.turn->now_ns >= drain_due(c))
        conn_want_close(c, false, NGTCP2_CONNECTION_REFUSED, "the server is draining");
}

static void drain_app(struct quic_conn *c) {
    if (!c->hub->draining || c->close.wanted)
        return;
    if (!c->app_open) {
        drain_handshake(c);
        return;
    }
    if (!c->app_drained)
        begin_drain(c);
    if (c->app->ops->idle(c->app))
        conn_want_close(c, true, c->app->ops->done_code, "");
    else if (c->hub->config.turn->now_ns >= drain_due(c))
        conn_want_close(c, false, NGTCP2_NO_ERROR, "the peer did not answer while we drained");
}

/* So long that who asks now and again is spared four schedules each time. */
static const uint64_t rest_after_ns = SECOND_NS;

/* UINT64_MAX: it rests, or has not begun. */
static uint64_t rest_ns(const struct quic_conn *c) {
    return c->state == CONN_OPEN && !c->rests ? c->heard_ns + rest_after_ns : UINT64_MAX;
}

void conn_rest(struct quic_conn *c) {
    if (c->hub->config.turn->now_ns < rest_ns(c))
        return;
    (void)crypto_ring_rest(&c->crypto.ring);
    c->rests = true;
}

static void set_timer(struct quic_conn *c) {
    uint64_t at = ngtcp2_conn_get_expiry2(c->q);
    if (rest_ns(c) < at)
        at = rest_ns(c);
    if (drain_due(c) < at)
        at = drain_due(c);
    if (at == UINT64_MAX)
        task_stop_timer(&c->task);
    else if (task_at(&c->task, at) != 0)
        conn_fail(c, NGTCP2_ERR_DROP_CONN);
}

void conn_settle(struct quic_conn *c) {
    if (!conn_lives(c))
        return;
    drain_app(c);
    if (c->close.wanted)
        conn_fail(c, NGTCP2_ERR_CALLBACK_FAILURE);
    else
        set_timer(c);
}

void conn_strip(struct quic_conn *c) {
    struct quic_app *app = c->app;
    c->app = NULL;
    c->app_open = false;
    if (app)
        app->ops->free(app, 0);
    census_leave(c->hub->config.census, c->client);
    c->client = NULL;
    if (c->state == CONN_ENDING)
        return;
    counters_take(c);
    trace_end(c);
    crypto_session_free(c->tls);
    c->tls = NULL;
    if (c->begun)
        c->hub->config.ended(c->hub->config.context, &c->peer);
    c->begun = false;
}

static void conn_free(struct grave *grave) {
    struct quic_conn *c = container_of(grave, struct quic_conn, grave);
    c->magic = 0;
    peer_fini(&c->peer);
    free(c->farewell);
    free(c->host);
    free(c);
}

void conn_bury(struct quic_conn *c) {
    if (c->state != CONN_GONE)
        conn_set_state(c, CONN_GONE);
    conn_strip(c);
    hub_ids_clear(c);
    list_remove(&c->link);
    list_remove(&c->ready);
    task_fini(&c->task);
    turn_bury(c->hub->config.turn, &c->grave, conn_free);
}

void hub_drain(struct hub *h) {
    h->draining = true;
    h->drain_ns = h->config.turn->now_ns;
    list_each(&h->conns, at, next)
        task_wake(&list_entry(at, struct quic_conn, link)->task, CONN_ACT);
}

void conn_end_all(struct hub *h) {
    hub_drain(h);
    list_each(&h->conns, at, next) {
        struct quic_conn *c = list_entry(at, struct quic_conn, link);
        uint64_t code = c->app_open ? c->app->ops->done_code : NGTCP2_NO_ERROR;
        conn_want_close(c, c->app_open, code, "");
        conn_settle(c);
    }
}
