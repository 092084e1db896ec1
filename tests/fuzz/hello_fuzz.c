/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/check.h"
#include "base/err.h"
#include "fuzz/fuzz_world.h"
#include "tls/peek.h"

/* The look at a ClientHello, and the engine that does it. Input: the first bytes of a connection;
 * how they are cut follows from their number. What must hold besides: once there is a verdict,
 * more bytes do not change it; the engine that goes on gets exactly the bytes that came. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 700 };

/* Goes on: compares what it gets with what was sent. */
struct witness {
    struct stream_engine base;
    const uint8_t *expected;
    size_t n, seen;
    uint8_t room[ROOM];
    bool chosen, wants_room;
};

static struct span witness_room(struct stream_engine *base) {
    struct witness *w = container_of(base, struct witness, base);
    /* Every other time it wants none, and then it does again. */
    w->wants_room = !w->wants_room;
    if (!w->wants_room)
        engine_wake(base, ENGINE_ROOM);
    return (struct span){w->room, w->wants_room ? ROOM : 0};
}

static int witness_filled(struct stream_engine *base, size_t n) {
    struct witness *w = container_of(base, struct witness, base);
    check(n <= w->n - w->seen && memcmp(w->room, w->expected + w->seen, n) == 0);
    w->seen += n;
    return w->seen > 3000 ? ERR_PROTOCOL : 0;
}

static void witness_end_of_input(struct stream_engine *base) {
    (void)base;
}

static int witness_pull(struct stream_engine *base, struct iovec *iov, int n) {
    (void)base, (void)iov, (void)n;
    return 0;
}

static void witness_pulled(struct stream_engine *base, size_t bytes) {
    (void)base, (void)bytes;
    check(false);
}

static enum engine_status witness_status(const struct stream_engine *base) {
    (void)base;
    return ENGINE_OPEN;
}

static void witness_drain(struct stream_engine *base) {
    (void)base;
}

static void witness_free(struct stream_engine *base, int reason) {
    (void)base, (void)reason;
}

static const struct stream_engine_ops witness_ops = {
    .room = witness_room,
    .filled = witness_filled,
    .end_of_input = witness_end_of_input,
    .pull = witness_pull,
    .pulled = witness_pulled,
    .status = witness_status,
    .drain = witness_drain,
    .free = witness_free,
};

static void check_hello(const struct hello *h) {
    size_t at = 0;
    check(strlen(h->sni) < sizeof(h->sni) && h->alpn_n <= sizeof(h->alpn));
    for (const char *p = h->sni; *p; p++)
        check(*p > ' ' && *p < 0x7f && (*p < 'A' || *p > 'Z'));
    while (at < h->alpn_n) {
        check(h->alpn[at] > 0);
        at += 1u + h->alpn[at];
    }
    check(at == h->alpn_n);
}

static struct stream_engine *choose(void *context, struct peer *peer, const struct hello *hello) {
    struct witness *w = context;
    check(!w->chosen);
    w->chosen = true;
    if (hello)
        check_hello(hello);
    return peer->sni && peer->sni[0] == 'n' ? NULL : &w->base;
}

static void parse(const uint8_t *data, size_t size) {
    struct hello h, early;
    enum hello_verdict verdict = hello_parse((struct str){(const char *)data, size}, &h);
    size_t step = 1 + size / 16;
    if (verdict == HELLO_DONE)
        check_hello(&h);
    for (size_t n = 0; n < size; n += step) {
        enum hello_verdict before = hello_parse((struct str){(const char *)data, n}, &early);
        check(before == HELLO_MORE || before == verdict);
        if (before == HELLO_DONE)
            check(strcmp(early.sni, h.sni) == 0 && early.alpn_n == h.alpn_n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct witness witness = {.base = {.ops = &witness_ops}, .expected = data, .n = size};
    struct fuzz_world w;
    parse(data, size);
    fuzz_world_init(&w);
    struct peek_config config = {.turn = &w.turn,
                                 .peer = &w.peer,
                                 .choose = choose,
                                 .context = &witness,
                                 .handshake_timeout_ns = 10 * SECOND_NS};
    struct stream_engine *e = peek_engine_new(&config);
    check(e);
    fuzz_turn(&w);
    fuzz_feed(&w, e, data, size, (uint8_t)size);
    fuzz_world_fini(&w);
    return 0;
}
