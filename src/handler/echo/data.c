/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "base/err.h"
#include "handler/echo/endpoint.h"
#include "http/uri.h"
#include "tls/digest.h"

enum { MAX_BYTES = 100 * 1024 };

/* SplitMix64. */
static uint64_t next(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/* Nobody keeps secrets with these bytes, and to ask the kernel for them each time takes a
 * seventh of a request: it gives the first seed, from which the others follow. */
static int draw_seed(struct http_env *env, uint64_t *ret_seed) {
    if (env->dice == 0 && random_bytes(&env->dice, sizeof env->dice))
        return ERR_SYSTEM;
    *ret_seed = next(&env->dice);
    return 0;
}

static uint64_t seed_of(struct str text) {
    uint64_t seed = 0;

    for (size_t i = 0; i < text.n; i++)
        seed = seed * 31 + (unsigned char)text.p[i];
    return seed;
}

static void fill(uint64_t seed, uint8_t *p, size_t n) {
    size_t whole = n / 8 * 8;

    for (size_t i = 0; i < whole; i += 8) {
        uint64_t word = next(&seed);
        memcpy(p + i, &word, 8);
    }
    uint64_t last = next(&seed);
    memcpy(p + whole, &last, n - whole);
}

/* The same seed in the query gives the same bytes again. */
static int make_bytes(struct echo *e, uint8_t *p, size_t n) {
    struct exchange *x = e->end.x;
    struct str text;
    uint64_t seed = 0;
    int err = query_get(&x->arena, e->query, STR("seed"), &text);

    if (err == 0)
        seed = seed_of(text);
    else if (err == ERR_NOT_FOUND)
        err = draw_seed(x->env, &seed);
    if (err == 0)
        fill(seed, p, n);
    return err;
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
    if (buf_reserve(&bytes, n + 1) || make_bytes(e, bytes.p, n))
        echo_error(e, 503, STR("out of memory"));
    else
        echo_reply(e, 200, STR("application/octet-stream"), (struct str){(char *)bytes.p, n});
    buf_fini(&bytes);
}
