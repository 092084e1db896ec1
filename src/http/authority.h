/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HTTP_AUTHORITY_H
#define HTTP_AUTHORITY_H

#include <stdint.h>

#include "base/str.h"

/* host[:port] of a URI or a message (RFC 3986 3.2), cut but not judged: see
 * valid_authority for that. */

/* The host without the brackets of an IPv6 address; port 0 when none is given ("host:"
 * gives none either). 0, or ERR_INVALID: no host, port 0, or no port at all. */
int authority_split(struct str authority, struct str *ret_host, uint16_t *ret_port);

#endif
