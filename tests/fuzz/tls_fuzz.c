/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz/fuzz_world.h"
#include "tls/engine.h"
#include "wire/certs.h"

/* A TLS engine and a peer that says anything before a key is agreed: mainly ClientHellos. Nobody
 * gets through without one.
 *
 * Input: a byte for the role (bit 0: client) and mutual TLS (bit 1), a byte for the cuts, then
 * the records. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int choose(void *context, const char *sni) {
    (void)context;
    return strcmp(sni, "no.example") == 0 ? -1 : 0;
}

static struct tls_context *server_context(bool mutual) {
    char problem[200];
    struct tls_context *tls;
    struct tls_server shown = {.cert_pem = str_of(local_crt), .key_pem = str_of(local_key)};
    struct tls_server_config config = {
        .alpn = "h2,http/1.1", .servers = &shown, .n_servers = 1, .choose = choose};
    if (mutual) {
        shown.client_auth = TLS_CLIENT_AUTH_REQUIRED;
        shown.client_ca_pem = str_of(ca_crt);
    }
    check(tls_server_context_new(&config, &tls, problem, sizeof(problem)) == 0);
    return tls;
}

static struct tls_context *client_context(bool tls12) {
    char problem[200];
    struct tls_context *tls;
    struct tls_client_config config = {
        .alpn = "h2,http/1.1", .ca_pem = str_of(ca_crt), .tls12 = tls12};
    check(tls_client_context_new(&config, &tls, problem, sizeof(problem)) == 0);
    return tls;
}

static struct stream_engine *inner(void *context, struct peer *peer) {
    (void)context, (void)peer;
    check(false);
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct tls_context *contexts[4];
    struct fuzz_world w;
    if (size < 2)
        return 0;
    unsigned kind = data[0] & 3;
    bool client = kind & 1, more = kind & 2;
    if (!contexts[kind])
        contexts[kind] = client ? client_context(more) : server_context(more);
    fuzz_world_init(&w);
    struct tls_engine_config config = {.turn = &w.turn,
                                       .context = contexts[kind],
                                       .host = client ? "localhost" : NULL,
                                       .peer = &w.peer,
                                       .inner = inner,
                                       .handshake_timeout_ns = 10 * SECOND_NS};
    struct stream_engine *e = tls_engine_new(&config);
    check(e);
    fuzz_turn(&w);
    fuzz_feed(&w, e, data + 2, size - 2, data[1]);
    fuzz_world_fini(&w);
    return 0;
}
