/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* Three kinds of error are never mixed: the peer misbehaves (http/reason.h), the
 * environment fails (these codes, told once by the layer that decides), we are
 * wrong (check.h). Functions return 0 or one of these negative values. */

enum err {
    ERR_NONE = 0,
    ERR_NO_MEMORY = -1,
    ERR_INVALID = -2,  /* what was given cannot be right */
    ERR_LIMIT = -3,    /* a configured limit was reached */
    ERR_PROTOCOL = -4, /* the peer broke the protocol: the connection ends */
    ERR_CLOSED = -5,   /* the peer closed, or the object no longer takes part */
    ERR_TLS = -6,      /* the handshake or a record failed */
    ERR_SYSTEM = -7,   /* a system call failed; errno tells which way */
    ERR_NOT_FOUND = -8,
    ERR_EXISTS = -9,
    ERR_TIMEOUT = -10,
    ERR_REFUSED = -11, /* connection refused, permission denied */
    ERR_UNSUPPORTED = -12,
    ERR_AGAIN = -13, /* not now: try when woken */
};

enum { ERR_KINDS = 14 }; /* for counters of each, by -err */

/* A short text for messages, never NULL. */
const char *err_text(int err);
/* One word, as counters are labelled: "timeout". */
const char *err_word(int err);

#endif
