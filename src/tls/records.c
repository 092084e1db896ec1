/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/records.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"

enum { RECORDS_MAGIC = 0x746c7372, INPUT = 2 * RECORD };

void records_init(struct records *r, struct span scratch) {
    *r = (struct records){.magic = RECORDS_MAGIC, .scratch = scratch};
    buf_init(&r->out);
}

void records_fini(struct records *r) {
    buf_fini(&r->out);
    free(r->input);
    r->magic = 0;
}

/* ---- what wolfSSL calls: bytes only ---- */

static int on_recv(WOLFSSL *ssl, char *to, int n, void *context) {
    (void)ssl;
    struct records *r = context;
    check_magic(r, RECORDS_MAGIC);
    size_t take = r->unread.n < (size_t)n ? r->unread.n : (size_t)n;
    if (take == 0)
        return WOLFSSL_CBIO_ERR_WANT_READ;
    memcpy(to, r->unread.p, take);
    r->unread.p += take;
    r->unread.n -= take;
    return (int)take;
}

static int on_send(WOLFSSL *ssl, char *from, int n, void *context) {
    (void)ssl;
    struct records *r = context;
    check_magic(r, RECORDS_MAGIC);
    if (r->out_begin > 0 && r->out.n == r->out_begin)
        r->out_begin = r->out.n = 0;
    /* After a full record there will be more: growing step by step would copy them. */
    if (n > RECORD && r->out.cap < AHEAD)
        (void)buf_reserve(&r->out, AHEAD + RECORD);
    buf_add(&r->out, from, (size_t)n);
    return r->out.failed ? WOLFSSL_CBIO_ERR_GENERAL : n;
}

void records_attach(struct records *r, WOLFSSL *ssl) {
    wolfSSL_SSLSetIORecv(ssl, on_recv);
    wolfSSL_SSLSetIOSend(ssl, on_send);
    wolfSSL_SetIOReadCtx(ssl, r);
    wolfSSL_SetIOWriteCtx(ssl, r);
}

/* ---- input ---- */

void records_let_go(struct records *r) {
    if (r->unread.n > 0)
        return;
    free(r->input);
    r->input = NULL;
    r->input_cap = 0;
}

struct span records_room(struct records *r) {
    if (r->scratch.p) {
        records_let_go(r);
        return r->scratch;
    }
    if (!r->input) {
        r->input = malloc(INPUT);
        r->input_cap = INPUT;
    }
    return (struct span){r->input, r->input ? r->input_cap : 0};
}

void records_filled(struct records *r, size_t n) {
    r->unread = (struct str){(const char *)(r->scratch.p ? r->scratch.p : r->input), n};
}

int records_keep(struct records *r) {
    if (r->unread.n == 0 || !r->scratch.p)
        return 0;
    uint8_t *kept = malloc(r->unread.n);
    if (!kept)
        return ERR_NO_MEMORY;
    memcpy(kept, r->unread.p, r->unread.n);
    free(r->input);
    r->input = kept;
    r->input_cap = r->unread.n;
    r->unread.p = (const char *)kept;
    return 0;
}

/* ---- output ---- */

size_t records_pending(const struct records *r) {
    return r->out.n - r->out_begin;
}

struct iovec records_iov(const struct records *r) {
    return (struct iovec){r->out.p + r->out_begin, records_pending(r)};
}

void records_pulled(struct records *r, size_t n) {
    check(n <= records_pending(r));
    r->out_begin += n;
    if (records_pending(r) > 0)
        return;
    buf_fini(&r->out);
    buf_init(&r->out);
    r->out_begin = 0;
}

void records_close_up(struct records *r) {
    if (r->out_begin == 0)
        return;
    buf_drop(&r->out, r->out_begin);
    r->out_begin = 0;
}
