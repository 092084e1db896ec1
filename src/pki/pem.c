/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pki/pem.h"

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/coding.h>

#include "base/err.h"
#include "tls/digest.h"

enum { LINE_BYTES = 48 }; /* 64 characters */

void pem_add(struct buf *to, const char *label, struct str bytes) {
    buf_format(to, "-----BEGIN %s-----\n", label);
    for (size_t at = 0; at < bytes.n; at += LINE_BYTES) {
        size_t left = bytes.n - at;

        base64_encode(to, (struct str){bytes.p + at, left < LINE_BYTES ? left : LINE_BYTES});
        buf_char(to, '\n');
    }
    buf_format(to, "-----END %s-----\n", label);
}

static const char *find(struct str in, struct str what) {
    return in.n > 0 ? memmem(in.p, in.n, what.p, what.n) : NULL;
}

static void skip_to(struct str *s, const char *at) {
    s->n -= (size_t)(at - s->p);
    s->p = at;
}

bool pem_next(struct str *text, struct pem_block *ret_block) {
    const struct str begin = STR("-----BEGIN "), dashes = STR("-----"), end = STR("-----END ");
    const char *at = find(*text, begin);
    struct pem_block block;

    if (!at)
        return false;
    skip_to(text, at + begin.n);
    at = find(*text, dashes);
    if (!at)
        return false;
    block.label = (struct str){text->p, (size_t)(at - text->p)};
    skip_to(text, at + dashes.n);
    at = find(*text, end);
    if (!at)
        return false;
    block.body = (struct str){text->p, (size_t)(at - text->p)};
    skip_to(text, at + end.n);
    if (!str_starts(*text, block.label))
        return false;
    *ret_block = block;
    return true;
}

int pem_decode(const struct pem_block *block, struct buf *to) {
    word32 n = (word32)block->body.n;

    if (str_find(block->body, ':') >= 0)
        return ERR_UNSUPPORTED;
    if (buf_reserve(to, n + 1))
        return ERR_NO_MEMORY;
    if (Base64_Decode((const byte *)block->body.p, (word32)block->body.n, to->p + to->n, &n))
        return ERR_INVALID;
    to->n += n;
    to->p[to->n] = 0;
    return 0;
}

void pem_wipe(struct buf *b) {
    if (b->p)
        explicit_bzero(b->p, b->cap);
    buf_fini(b);
}
