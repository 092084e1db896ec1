/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PKI_SAN_H
#define PKI_SAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* A name that a certificate is to be made for (subject alternative name, RFC 5280 4.2.1.6),
 * as people write it, checked, in one spelling: lower case, no trailing dot, addresses as
 * bytes. So equal lists of names give equal bytes in the certificate. */

enum san_kind { SAN_DNS, SAN_IP, SAN_URI, SAN_MAIL };

enum { SAN_TEXT = 256 };

struct san {
    enum san_kind kind;
    char text[SAN_TEXT];
    uint8_t ip[16];
    size_t n_ip; /* 4 or 16 */
};

/* "localhost", "*.example.com", "127.0.0.1", "::1", "[::1]", "spiffe://a/b", "a@b.c".
 * 0, or ERR_INVALID: then message says what is wrong with it. */
int san_parse(struct str text, struct san *ret_san, struct buf *message);

/* GeneralNames in DER: the content of the extension. */
void san_write(const struct san *sans, size_t n, struct buf *to);

/* Is it a name that browsers will not take, though it is right? NULL: no. */
const char *san_warning(const struct san *san);

#endif
