/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "handler/echo/endpoint.h"
#include "http/uri.h"
#include "tls/digest.h"

enum { MAX_BYTES = 100 * 1024 };

/* SplitMix64: for bytes that a seed is to give again. */
static uint64_t next(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static int fill(struct echo *e, uint8_t *p, size_t n) {
    struct str seed = query_get(&e->end.x->arena, e->query, STR("seed"));
    uint64_t state = 0;

    if (!seed.p)
        return random_bytes(p, n);
    for (size_t i = 0; i < seed.n; i++)
        state = state * 31 + (unsigned char)seed.p[i];
    for (size_t i = 0; i < n; i += 8) {
        uint64_t word = next(&state);
        memcpy(p + i, &word, n - i < 8 ? n - i : 8);
    }
    return 0;
}

void answer_bytes(struct echo *e) {
    uint64_t n;
    struct buf bytes;

    if (str_to_u64(e->rest, &n)) {
        echo_error(e, 404, STR("write /bytes/1024"));
        return;
    }
    if (n > MAX_BYTES)
        n = MAX_BYTES;
    buf_init(&bytes);
    if (buf_reserve(&bytes, n + 1) || fill(e, bytes.p, n))
        echo_error(e, 503, STR("out of memory"));
    else
        echo_reply(e, 200, STR("application/octet-stream"), (struct str){(char *)bytes.p, n});
    buf_fini(&bytes);
}
