/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PKI_CA_H
#define PKI_CA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "pki/cert.h"
#include "pki/key.h"

/* The certificate authority of this user: a self-signed certificate and its key in a folder,
 * under mkcert's file names, so that either program can use the other's.
 *
 * It is made once and never overwritten: a folder with half of it, or with something that is
 * no CA, is an error that says what to do. A lock keeps two processes from making two. */

#define CA_CERT_FILE "rootCA.pem"
#define CA_KEY_FILE "rootCA-key.pem"

struct ca {
    struct buf folder;
    struct buf cert_path, key_path;
    struct cert cert;
    struct buf pem; /* of the certificate */
    struct key *key;
    bool fresh; /* made just now */
};

struct ca_wish {
    const char *folder;
    const char *owner; /* "user@host", for its name */
    int64_t now_s;     /* since 1970 */
};

/* Loads it, or makes it when the folder has none. message is empty before; after an error it
 * has one line, and there is nothing to fini. */
int ca_open(const struct ca_wish *wish, struct ca *ret_ca, struct buf *message);

/* Only loads: ERR_NOT_FOUND, without a message, when there is none. The key may be missing
 * (NULL), as on a machine that is only to trust it. */
int ca_load(const struct ca_wish *wish, struct ca *ret_ca, struct buf *message);

void ca_fini(struct ca *ca);

/* Whole days until its end; 0 on the last one. Tell the user when it is less than CA_SOON. */
enum { CA_SOON_DAYS = 90 };
int64_t ca_days_left(const struct ca *ca, int64_t now_s);

/* The lock of a CA's folder, for whoever writes beside it (held: file_unlock it). In a folder
 * that cannot be written to there is nothing to lock: 0, not held. */
struct file_lock;
int ca_lock(const char *folder, struct file_lock *ret_lock);

#endif
