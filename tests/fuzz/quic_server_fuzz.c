/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "quic/counters.h"
#include "quic/quic.h"
#include "wire/certs.h"
#include "wire/quic_initial.h"

/* The datagram intake of a QUIC server: what anybody can send without an agreed key.
 *
 * Input: records of a kind byte, a length (two bytes) and the bytes. Kind % 4: 0 a datagram as
 * it is; 1 frames, sealed into an Initial of one connection; 2 the same, of another connection;
 * 3 time goes on by so many ms as the length says, bit 6: and the server drains. Bit 7: from
 * another address. How many there may be at once follows from the size. */

static struct quic_app *refuse(void *context, struct quic_conn *conn, const struct peer *peer) {
    (void)context;
    (void)conn;
    (void)peer;
    return NULL;
}

/* Lines are made and thrown away. */
static void write_log(struct log *log, enum log_level level, const char *line, size_t n) {
    (void)log, (void)level, (void)line, (void)n;
}

static struct tls_context *make_tls(void) {
    char problem[200];
    struct tls_context *tls;
    struct tls_server shown = {.cert_pem = str_of(local_crt), .key_pem = str_of(local_key)};
    struct tls_server_config config = {
        .transport = TLS_QUIC, .alpn = "h3", .servers = &shown, .n_servers = 1};
    check(tls_server_context_new(&config, &tls, problem, sizeof(problem)) == 0);
    return tls;
}

struct fuzz {
    struct turn turn;
    struct datagram_engine *e;
    struct addr local, remotes[2];
    uint8_t pn[2];
};

static void give(struct fuzz *f, unsigned from, const uint8_t *p, size_t n) {
    static uint8_t in[65536], out[65536];
    struct datagram d = {.data = in, .n = n, .cap = sizeof(in), .local = f->local};
    memcpy(in, p, n);
    d.remote = f->remotes[from];
    f->e->ops->take(f->e, &d);
    (void)turn_run(&f->turn, SIZE_MAX);
    d = (struct datagram){.data = out, .cap = sizeof(out)};
    while (f->e->ops->pull(f->e, &d, 8))
        ;
    (void)turn_run(&f->turn, SIZE_MAX);
}

static void record(struct fuzz *f, uint8_t kind, const uint8_t *p, size_t n) {
    uint8_t sealed[QUIC_INITIAL_BYTES];
    uint8_t dcid[QUIC_INITIAL_ID] = {0x11, 2, 3, 4, 5, 6, 7, kind & 1};
    if (kind % 4 == 0) {
        give(f, kind >> 7, p, n);
        return;
    }
    quic_initial_seal(sealed, dcid, f->pn[kind & 1]++, p, n);
    give(f, kind >> 7, sealed, sizeof(sealed));
}

static void run(struct fuzz *f, const uint8_t *data, size_t size) {
    while (size >= 3) {
        uint8_t kind = data[0];
        size_t n = (size_t)data[1] << 8 | data[2];
        data += 3;
        size -= 3;
        if (kind % 4 == 3) {
            if (kind & 0x40)
                f->e->ops->drain(f->e);
            turn_begin(&f->turn, f->turn.now_ns + n * MS_NS, 1800000000);
            (void)turn_run(&f->turn, SIZE_MAX);
            continue;
        }
        n = n < size ? n : size;
        record(f, kind, data, n);
        data += n;
        size -= n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct tls_context *tls;
    struct log log = {.level = LOG_DEBUG, .write = write_log};
    struct quic_counters counters = {0};
    struct fuzz f = {0};
    struct quic_config config;
    struct quota handshakes, conns;
    tls = tls ? tls : make_tls();
    turn_init(&f.turn);
    turn_begin(&f.turn, 1000 * SECOND_NS, 1800000000);
    quic_config_default(&config);
    config.turn = &f.turn;
    config.tls = tls;
    config.log = &log;
    config.counters = &counters;
    config.accept = refuse;
    quota_init(&handshakes, "max-handshakes", size % 3 == 0 ? 1 : 100);
    quota_init(&conns, "max-connections", size % 3 == 1 ? 1 : 0);
    config.handshakes = &handshakes;
    config.conns = &conns;
    check(addr_parse(STR("10.0.0.2:443"), &f.local) == 0);
    check(addr_parse(STR("10.0.0.1:5000"), &f.remotes[0]) == 0);
    check(addr_parse(STR("[2001:db8::1]:5000"), &f.remotes[1]) == 0);
    f.e = quic_server_new(&config);
    check(f.e);
    run(&f, data, size);
    f.e->ops->end(f.e);
    (void)f.e->ops->idle(f.e);
    f.e->ops->free(f.e);
    (void)turn_run(&f.turn, SIZE_MAX);
    turn_fini(&f.turn);
    quota_fini(&handshakes);
    quota_fini(&conns);
    return 0;
}
