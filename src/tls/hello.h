/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TLS_HELLO_H
#define TLS_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* What a ClientHello says before anybody answers it (RFC 8446 4.1.2), for those who pass the
 * connection on unread. With Encrypted ClientHello it is the outer hello, and its name is the
 * name. Pure: looks at the first bytes of a connection, allocates nothing, keeps nothing. */

enum hello_verdict {
    HELLO_MORE,      /* so far it may be one: come again with more */
    HELLO_NOT_TLS,   /* it does not begin with a handshake record of TLS; perhaps plain HTTP */
    HELLO_MALFORMED, /* that, but no sound ClientHello, or one that is too long */
    HELLO_DONE,
};

enum {
    /* With the headers of its records. Honest ones have 300 to 2,000 bytes, 4,000 with large
     * tickets; nginx and HAProxy look at so much, too. */
    HELLO_MAX = 16 * 1024,
    HELLO_SNI = 256,
    HELLO_ALPN = 256, /* clients send 20; names that do not fit are left out */
};

struct hello {
    char sni[HELLO_SNI];      /* lower case, of letters, digits, "-._:"; empty: none was sent */
    uint8_t alpn[HELLO_ALPN]; /* RFC 7301: each name behind its length */
    size_t alpn_n;
    bool tls13; /* offered */
};

/* input: all that came so far. hello is filled in when done, else it is undefined. */
enum hello_verdict hello_parse(struct str input, struct hello *ret_hello);

#endif
