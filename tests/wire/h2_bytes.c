/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "h2_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proto/h2/h2.h"

struct world *world_new(uint32_t resets) {
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    turn_init(&w->turn);
    turn_begin(&w->turn, SECOND_NS, 1);
    chunk_pool_init(&w->chunks, 4);
    http_limits_default(&w->limits);
    w->limits.resets = resets;
    http_env_init(&w->env, &w->turn, &w->chunks);
    w->env.limits = &w->limits;
    w->env.scratch = w->scratch;
    w->env.scratch_bytes = SCRATCH;
    w->peer.version = HTTP_2;
    site_env(&w->env, &w->site);
    w->join = join_new(&w->turn, NULL, h2_server_new(&w->env, &w->peer), 7);
    assert_non_null(w->join);
    join_room(w->join, 1 << 24);
    buf_init(&w->frame);
    return w;
}

void world_free(struct world *w) {
    join_free(w->join);
    while (turn_run(&w->turn, SIZE_MAX)) {
    }
    assert_int_equal(w->env.n_exchanges, 0);
    assert_int_equal(w->site.live, 0);
    turn_fini(&w->turn);
    chunk_pool_fini(&w->chunks);
    buf_fini(&w->frame);
    free(w);
}

void put_frame(struct world *w, int type, int flags, uint32_t id, const void *p, size_t n) {
    uint8_t head[9] = {(uint8_t)(n >> 16),  (uint8_t)(n >> 8),  (uint8_t)n,
                       (uint8_t)type,       (uint8_t)flags,     (uint8_t)(id >> 24),
                       (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};
    join_write(w->join, JOIN_A, head, sizeof(head));
    if (n > 0)
        join_write(w->join, JOIN_A, p, n);
}

void hello(struct world *w) {
    static const char magic[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    join_write(w->join, JOIN_A, magic, sizeof(magic) - 1);
    put_frame(w, SETTINGS, 0, 0, NULL, 0);
}

/* A literal without indexing and without Huffman coding (RFC 7541 6.2.2). */
void line_n(struct world *w, const char *name, const char *value, size_t value_n) {
    buf_char(&w->frame, 0);
    buf_char(&w->frame, (char)strlen(name));
    buf_add(&w->frame, name, strlen(name));
    buf_char(&w->frame, (char)value_n);
    buf_add(&w->frame, value, value_n);
}

void line(struct world *w, const char *name, const char *value) {
    line_n(w, name, value, strlen(value));
}

void get_lines(struct world *w, const char *path) {
    buf_reset(&w->frame);
    line(w, ":method", "GET");
    line(w, ":scheme", "https");
    line(w, ":path", path);
    line(w, ":authority", "test.example");
}

void put_headers(struct world *w, uint32_t id, int flags) {
    put_frame(w, HEADERS, flags, id, w->frame.p, w->frame.n);
    buf_reset(&w->frame);
}

static void note_frame(struct world *w, const uint8_t *p, size_t n) {
    int type = p[3];
    if (type < 10)
        w->frames[type]++;
    if (type == GOAWAY) {
        w->goaway = p[16];
        w->goaway_came = true;
    }
    if (type == RST) {
        w->rst = p[12];
        w->last_rst_id = p[8];
    }
    /* :status as the static table has it, or as a literal with an indexed name */
    static const int indexed[] = {200, 204, 206, 304, 400, 404, 500};
    if (type == HEADERS && n > 9 && p[9] >= 0x88 && p[9] <= 0x8e)
        w->status = indexed[p[9] - 0x88];
    else if (type == HEADERS && n > 9)
        w->status = -1;
}

void look(struct world *w) {
    join_run(w->join, SECOND_NS, NULL, NULL);
    memset(w->frames, 0, sizeof(w->frames));
    w->status = w->goaway = w->rst = 0;
    w->goaway_came = false;
    struct buf *in = join_read(w->join, JOIN_A);
    size_t at = 0;
    while (in->n - at >= 9) {
        const uint8_t *p = in->p + at;
        size_t n = 9 + ((size_t)p[0] << 16 | (size_t)p[1] << 8 | p[2]);
        if (in->n - at < n)
            break;
        note_frame(w, p, n);
        at += n;
    }
    buf_drop(in, at);
    w->fin = join_ended(w->join, JOIN_B);
}

static bool never(void *context) {
    (void)context;
    return false;
}

void let_pass(struct world *w, uint64_t ns) {
    uint64_t end_ns = w->turn.now_ns + ns;
    join_run(w->join, ns, never, NULL);
    if (w->turn.now_ns < end_ns) /* it stops at the last timer before */
        turn_begin(&w->turn, end_ns, w->turn.wall_s);
}
