/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TLS_RECORDS_H
#define TLS_RECORDS_H

#include "base/buf.h"
#include "tls/native.h"

/* Ciphertext between the driver and wolfSSL: what came and is not decrypted yet, and what is to be
 * sent. For tls/engine.c only; an idle connection holds none of it. */

enum {
    RECORD = 16384,     /* plaintext of a full record */
    AHEAD = 4 * RECORD, /* encrypted in advance, so that one sendmsg is worth it */
};

struct records {
    uint32_t magic;
    struct span scratch; /* to read into, shared with others; p NULL: there is none */
    uint8_t *input; /* our own, without scratch, or for what the inner engine had no room for */
    size_t input_cap;
    struct str unread; /* what wolfSSL has not taken yet */
    struct buf out;    /* for the driver, from out_begin on */
    size_t out_begin;
};

void records_init(struct records *r, struct span scratch);
void records_fini(struct records *r);
void records_attach(struct records *r, WOLFSSL *ssl); /* from now on wolfSSL uses r, which stays */

/* Where the next input goes, when all of the last was taken. n 0: no memory. */
struct span records_room(struct records *r);
void records_filled(struct records *r, size_t n);
/* What is left lies in memory that others will use: keeps it. 0 or ERR_NO_MEMORY. */
int records_keep(struct records *r);
void records_let_go(struct records *r); /* of the input's memory, if all was taken */

size_t records_pending(const struct records *r); /* bytes to be sent */
struct iovec records_iov(const struct records *r);
void records_pulled(struct records *r, size_t n);
void records_close_up(struct records *r); /* sent bytes go from the front: before more is made */

#endif
