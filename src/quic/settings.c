/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "quic/settings.h"

#include "tls/digest.h"

const uint32_t settings_versions[SETTINGS_VERSIONS] = {NGTCP2_PROTO_VER_V1, NGTCP2_PROTO_VER_V2};

/* HTTP/3 needs three unidirectional streams of a peer; some open more to keep us honest. */
enum { UNI_STREAMS = 16, UNI_WINDOW_BYTES = 65536 };

void quic_config_default(struct quic_config *config) {
    *config = (struct quic_config){
        .cc = QUIC_CUBIC,
        .retry = QUIC_RETRY_AUTO,
        .workers = 1,
        .stream_window_bytes = 256 * 1024,
        .conn_window_bytes = 4 * 1024 * 1024,
        .streams = 100,
        .idle_timeout_ns = 60 * SECOND_NS,
        .handshake_timeout_ns = 10 * SECOND_NS,
    };
}

static ngtcp2_cc_algo congestion(enum quic_cc cc) {
    switch (cc) {
    case QUIC_RENO: return NGTCP2_CC_ALGO_RENO;
    case QUIC_BBR: return NGTCP2_CC_ALGO_BBR;
    case QUIC_CUBIC: break;
    }
    return NGTCP2_CC_ALGO_CUBIC;
}

static void limit_payload(size_t max, ngtcp2_settings *s) {
    if (max == 0)
        return;
    if (max < NGTCP2_MAX_UDP_PAYLOAD_SIZE)
        max = NGTCP2_MAX_UDP_PAYLOAD_SIZE;
    if (max > NGTCP2_MAX_PMTUD_UDP_PAYLOAD_SIZE)
        max = NGTCP2_MAX_PMTUD_UDP_PAYLOAD_SIZE;
    s->max_tx_udp_payload_size = max;
    s->no_pmtud = max == NGTCP2_MAX_UDP_PAYLOAD_SIZE;
}

/* A server takes the version that the client began with. */
void settings_fill(const struct quic_config *config, bool is_server,
                   ngtcp2_settings *ret_settings) {
    ngtcp2_settings *s = ret_settings;
    uint32_t random = 0;
    (void)random_bytes(&random, sizeof(random));
    ngtcp2_settings_default(s);
    s->initial_ts = config->turn->now_ns;
    s->cc_algo = congestion(config->cc);
    s->handshake_timeout = config->handshake_timeout_ns ? config->handshake_timeout_ns : UINT64_MAX;
    s->initial_pkt_num = random & 0xffff;
    s->available_versions = settings_versions;
    s->available_versionslen = SETTINGS_VERSIONS;
    if (!is_server) {
        s->preferred_versions = settings_versions;
        s->preferred_versionslen = SETTINGS_VERSIONS;
    }
    limit_payload(config->max_udp_payload, s);
}

void settings_params(const struct quic_config *config, ngtcp2_transport_params *ret_params) {
    ngtcp2_transport_params *p = ret_params;
    uint32_t window = config->stream_window_bytes;
    ngtcp2_transport_params_default(p);
    p->initial_max_stream_data_bidi_local = window;
    p->initial_max_stream_data_bidi_remote = window;
    p->initial_max_stream_data_uni = window < UNI_WINDOW_BYTES ? window : UNI_WINDOW_BYTES;
    p->initial_max_data = config->conn_window_bytes;
    p->initial_max_streams_bidi = config->streams;
    p->initial_max_streams_uni = UNI_STREAMS;
    p->max_idle_timeout = config->idle_timeout_ns;
    p->active_connection_id_limit = SETTINGS_IDS_COUNTED;
    p->grease_quic_bit = 1;
}

ngtcp2_ssize settings_tell(const uint8_t *p, size_t n, uint8_t *to, size_t cap) {
    ngtcp2_transport_params params;
    int rv = ngtcp2_transport_params_decode(&params, p, n);
    params.active_connection_id_limit = SETTINGS_IDS_TOLD;
    return rv != 0 ? rv : ngtcp2_transport_params_encode(to, cap, &params);
}
