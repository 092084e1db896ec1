/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROTO_H1_SCAN_H
#define PROTO_H1_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* The bytes of a head before anybody parses them. Request smuggling lives from what two
 * parsers read differently, so nothing that could be read in two ways gets past this: lines
 * end with CR LF and only there, no folding, no blank in or after a name, no controls.
 * Pure; a head may come in any number of pieces. */

enum h1_scan_state {
    H1_SCAN_EMPTY,    /* nothing but empty lines yet, which RFC 9112 2.2 lets pass */
    H1_SCAN_EMPTY_CR, /* CR of such a line */
    H1_SCAN_START,    /* in the request line or status line */
    H1_SCAN_START_CR, /* CR at its end */
    H1_SCAN_LINE,     /* at the beginning of a field line, or of the empty line */
    H1_SCAN_NAME,     /* in a field name */
    H1_SCAN_VALUE,    /* behind the colon */
    H1_SCAN_VALUE_CR, /* CR at the end of the field line */
    H1_SCAN_LAST_CR,  /* CR of the empty line */
    H1_SCAN_DONE,     /* the head is complete */
    H1_SCAN_BAD,      /* see problem */
};

struct h1_scan {
    enum h1_scan_state state;
    unsigned n_empty; /* lines before the start line */
    const char *problem;
};

void h1_scan_init(struct h1_scan *s);
/* How many of the n bytes belong to the head; fewer than n only in DONE and BAD. */
size_t h1_scan_take(struct h1_scan *s, const uint8_t *p, size_t n);

#endif
