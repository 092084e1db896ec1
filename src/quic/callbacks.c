/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ngtcp2/ngtcp2_crypto.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "quic/conn.h"
#include "quic/counters.h"
#include "quic/settings.h"
#include "quic/token.h"
#include "tls/digest.h"

/* From ngtcp2 to us: bytes go to the application, the rest is recorded. 0, or
 * NGTCP2_ERR_CALLBACK_FAILURE, after which conn_fail ends the connection. */

enum { ALERT_NO_APPLICATION_PROTOCOL = 120 };

static struct quic_conn *conn_of(void *user) {
    struct quic_conn *c = user;
    check_magic(c, CONN_MAGIC);
    return c;
}

/* The application may be called. */
static bool hears(const struct quic_conn *c) {
    return c->app && c->state < CONN_ENDING;
}

/* ---- the handshake ---- */

static int refuse(struct quic_conn *c, uint64_t code, const char *text) {
    conn_want_close(c, false, code, text);
    return NGTCP2_ERR_CALLBACK_FAILURE;
}

static void send_token(struct quic_conn *c, const struct addr *remote) {
    uint8_t token[TOKEN_BYTES];
    size_t n = token_make(c->hub, remote, token);
    if (n > 0)
        (void)ngtcp2_conn_submit_new_token(c->q, token, n);
}

static int take_in(struct quic_conn *c) {
    const struct quic_config *config = &c->hub->config;
    if (c->peer.alpn[0] == '\0')
        return refuse(c, NGTCP2_CRYPTO_ERROR + ALERT_NO_APPLICATION_PROTOCOL,
                      "no application protocol was agreed on");
    int err = census_enter(config->census, &c->peer.remote, &c->client);
    if (err == ERR_LIMIT)
        census_tell(config->census, config->log, &c->peer.remote, config->turn->now_ns);
    if (err != 0)
        return refuse(c, NGTCP2_CONNECTION_REFUSED, "too many connections of this client");
    c->app = config->accept(config->context, c, &c->peer);
    if (!c->app)
        return refuse(c, NGTCP2_CONNECTION_REFUSED, "");
    send_token(c, &c->peer.remote);
    return 0;
}

/* Client certificates are known only now, so a server's application begins here and not with
 * the 0.5-RTT keys. */
static int on_handshake_completed(ngtcp2_conn *q, void *user) {
    (void)q;
    struct quic_conn *c = conn_of(user);
    if (c->state != CONN_HANDSHAKE)
        return 0;
    if (tls_session_facts(c->tls, &c->peer) != 0)
        return NGTCP2_ERR_CALLBACK_FAILURE;
    c->peer.secure = true;
    c->peer.version = HTTP_3;
    c->peer.handshake_ns = c->hub->config.turn->now_ns - c->begin_ns;
    conn_set_state(c, CONN_OPEN);
    task_wake(&c->task, CONN_ACT);
    if (c->hub->is_server && take_in(c) != 0)
        return NGTCP2_ERR_CALLBACK_FAILURE;
    c->app_open = true;
    return c->app->ops->opened(c->app) == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

static int on_version_negotiation(ngtcp2_conn *q, const ngtcp2_pkt_hd *hd, const uint32_t *sv,
                                  size_t n, void *user) {
    (void)q;
    (void)hd;
    conn_of(user)->version_offered =
        ngtcp2_select_version(settings_versions, SETTINGS_VERSIONS, sv, n);
    return 0;
}

static int on_stateless_reset(ngtcp2_conn *q, const ngtcp2_pkt_stateless_reset2 *sr, void *user) {
    (void)q;
    (void)sr;
    conn_of(user)->stateless_reset = true;
    return 0;
}

/* ---- ids, paths, randomness ---- */

static int on_new_id(ngtcp2_conn *q, ngtcp2_cid *cid, ngtcp2_stateless_reset_token *token, size_t n,
                     void *user) {
    (void)q;
    struct quic_conn *c = conn_of(user);
    check(n == HUB_ID_BYTES);
    if (hub_draw_id(c->hub, cid) != 0 || token_reset_token(c->hub, cid, token->data) != 0 ||
        hub_id_add(c, cid) != 0)
        return NGTCP2_ERR_CALLBACK_FAILURE;
    return 0;
}

static int on_remove_id(ngtcp2_conn *q, const ngtcp2_cid *cid, void *user) {
    (void)q;
    hub_id_remove(conn_of(user), cid);
    return 0;
}

static void copy_addr(struct addr *to, const ngtcp2_addr *from) {
    if (from->addrlen > sizeof(to->in6))
        return;
    to->n = from->addrlen;
    memcpy(&to->sa, from->addr, from->addrlen);
}

/* budget: ngtcp2 gives the parameters. */
static int on_path_validation(ngtcp2_conn *q, uint32_t flags, const ngtcp2_path *path,
                              const ngtcp2_path *fallback, ngtcp2_path_validation_result result,
                              void *user) {
    (void)q;
    (void)fallback;
    struct quic_conn *c = conn_of(user);
    if (result != NGTCP2_PATH_VALIDATION_RESULT_SUCCESS)
        return 0;
    struct addr before = c->peer.remote;
    copy_addr(&c->peer.local, &path->local);
    copy_addr(&c->peer.remote, &path->remote);
    if (c->hub->config.counters && !addr_eq(&before, &c->peer.remote))
        c->hub->config.counters->migrations++;
    if (c->hub->is_server && (flags & NGTCP2_PATH_VALIDATION_FLAG_NEW_TOKEN))
        send_token(c, &c->peer.remote);
    return 0;
}

/* ngtcp2 uses these for greasing and for skipping packet numbers: predictable ones would be
 * a pity, not a hole. */
static void on_random(uint8_t *to, size_t n, const ngtcp2_rand_ctx *context) {
    (void)context;
    if (random_bytes(to, n) != 0)
        memset(to, 0, n);
}

/* ---- streams ---- */

/* budget: ngtcp2 gives the parameters. */
static int on_stream_data(ngtcp2_conn *q, uint32_t flags, int64_t id, uint64_t offset,
                          const uint8_t *p, size_t n, void *user, void *stream) {
    (void)q;
    (void)offset;
    (void)stream;
    struct quic_conn *c = conn_of(user);
    if (!hears(c) || c->close.wanted)
        return 0;
    bool fin = flags & NGTCP2_STREAM_DATA_FLAG_FIN;
    return c->app->ops->recv(c->app, id, p, n, fin) == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
}

/* budget: ngtcp2 gives the parameters. */
static int on_acked(ngtcp2_conn *q, int64_t id, uint64_t offset, uint64_t n, void *user,
                    void *stream) {
    (void)q;
    (void)offset;
    (void)stream;
    struct quic_conn *c = conn_of(user);
    if (hears(c))
        c->app->ops->acked(c->app, id, n);
    return 0;
}

/* budget: ngtcp2 gives the parameters. */
static int on_stream_close(ngtcp2_conn *q, uint32_t flags, int64_t id, uint64_t code, void *user,
                           void *stream) {
    (void)stream;
    struct quic_conn *c = conn_of(user);
    bool coded = flags & NGTCP2_STREAM_CLOSE_FLAG_APP_ERROR_CODE_SET;
    /* A bidirectional stream is given back by the application, when it is done with it. */
    if (!ngtcp2_is_bidi_stream(id) && !ngtcp2_conn_is_local_stream2(q, id))
        ngtcp2_conn_extend_max_streams_uni(q, 1);
    if (hears(c))
        c->app->ops->closed(c->app, id, coded ? code : 0);
    return 0;
}

/* budget: ngtcp2 gives the parameters. */
static int on_stream_reset(ngtcp2_conn *q, int64_t id, uint64_t final_size, uint64_t code,
                           void *user, void *stream) {
    (void)q;
    (void)final_size;
    (void)stream;
    struct quic_conn *c = conn_of(user);
    if (hears(c))
        c->app->ops->reset(c->app, id, code);
    return 0;
}

static int on_stop_sending(ngtcp2_conn *q, int64_t id, uint64_t code, void *user, void *stream) {
    (void)q;
    (void)stream;
    struct quic_conn *c = conn_of(user);
    if (hears(c))
        c->app->ops->stop(c->app, id, code);
    return 0;
}

static int on_stream_credit(ngtcp2_conn *q, int64_t id, uint64_t max, void *user, void *stream) {
    (void)q;
    (void)max;
    (void)stream;
    struct quic_conn *c = conn_of(user);
    if (hears(c))
        c->app->ops->unblocked(c->app, id);
    return 0;
}

static int on_more_streams(ngtcp2_conn *q, uint64_t max, void *user) {
    (void)q;
    (void)max;
    struct quic_conn *c = conn_of(user);
    if (hears(c) && c->app_open)
        c->app->ops->more_streams(c->app);
    return 0;
}

const ngtcp2_callbacks conn_callbacks = {
    .client_initial = ngtcp2_crypto_client_initial_cb,
    .recv_client_initial = ngtcp2_crypto_recv_client_initial_cb,
    .recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb,
    .recv_retry = ngtcp2_crypto_recv_retry_cb,
    .encrypt = ngtcp2_crypto_encrypt_cb,
    .decrypt = ngtcp2_crypto_decrypt_cb,
    .hp_mask = ngtcp2_crypto_hp_mask_cb,
    .update_key = ngtcp2_crypto_update_key_cb,
    .delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb,
    .delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
    .version_negotiation = ngtcp2_crypto_version_negotiation_cb,
    .get_path_challenge_data2 = ngtcp2_crypto_get_path_challenge_data2_cb,
    .handshake_completed = on_handshake_completed,
    .recv_version_negotiation = on_version_negotiation,
    .recv_stateless_reset2 = on_stateless_reset,
    .get_new_connection_id2 = on_new_id,
    .remove_connection_id = on_remove_id,
    .path_validation = on_path_validation,
    .rand = on_random,
    .recv_stream_data = on_stream_data,
    .acked_stream_data_offset = on_acked,
    .stream_close = on_stream_close,
    .stream_reset = on_stream_reset,
    .recv_stop_sending = on_stop_sending,
    .extend_max_stream_data = on_stream_credit,
    .extend_max_local_streams_bidi = on_more_streams,
};
