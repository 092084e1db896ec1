/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proto/h2/framing.h"

#include <string.h>

enum { PREFACE = 24 };
enum { DATA = 0, HEADERS = 1, CONTINUATION = 9, END_HEADERS = 4 };

void framing_init(struct framing *f, bool preface, uint64_t now_ns) {
    *f = (struct framing){.left = preface ? PREFACE : 0, .since_ns = now_ns};
}

static void take_head(struct framing *f) {
    const uint8_t *p = f->head;
    f->n_head = 0;
    f->greeted = true;
    f->length = f->left = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
    f->type = p[3];
    f->id = ((uint32_t)p[5] << 24 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 8 | p[8]) & INT32_MAX;
    if (f->type != HEADERS && f->type != CONTINUATION)
        return;
    f->block_length = f->length + (f->type == CONTINUATION ? f->block_length : 0);
    f->in_block = !(p[4] & END_HEADERS);
}

static bool waits(const struct framing *f) {
    bool payload = f->left > 0 && f->type != DATA;
    return !f->greeted || f->n_head > 0 || payload || f->in_block;
}

size_t framing_step(struct framing *f, const uint8_t *p, size_t n, uint64_t now_ns,
                    bool *ret_head) {
    uint32_t most = f->left > 0 ? f->left : FRAMING_HEAD - f->n_head;
    uint32_t step = n < most ? (uint32_t)n : most;
    *ret_head = false;
    if (f->since_ns == 0)
        f->since_ns = now_ns;
    if (f->left > 0) {
        f->left -= step;
    } else {
        memcpy(f->head + f->n_head, p, step);
        f->n_head += step;
        *ret_head = f->n_head == FRAMING_HEAD;
        if (*ret_head)
            take_head(f);
    }
    if (!waits(f))
        f->since_ns = 0;
    return step;
}
