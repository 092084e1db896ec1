/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HTTP_VALIDATE_H
#define HTTP_VALIDATE_H

#include <stdbool.h>

#include "base/str.h"
#include "http/message.h"

/* What all three versions must check alike, so that nothing is let in by one that another
 * would refuse. Pure. */

bool valid_token(struct str s);       /* RFC 9110 5.6.2, not empty */
bool valid_field_name(struct str s);  /* a token; upper case allowed */
bool valid_field_value(struct str s); /* no CR, LF, NUL or other controls but tab */
bool valid_authority(struct str s);   /* host [":" port], no userinfo, RFC 9110 7.2 */
bool valid_query(struct str s);       /* printable ASCII but blanks and '#' */
bool valid_path(struct str s);        /* origin-form or "*": the same, with its query */
bool valid_scheme(struct str s);

/* Fields that RFC 9110 7.6.1 and RFC 9113 8.2.2 keep to one connection (connection,
 * keep-alive, proxy-connection, transfer-encoding, upgrade). Lower case. */
bool field_is_hop_by_hop(struct str name);
/* What a gateway says in a head of the way that a message came: who asks and over what, ids and
 * traces, itself. Whatever gateway/forwarding.c and handler/proxy.c set, replace or drop is among
 * it, as are those of gateways around us. Lower case. */
bool field_is_gateways(struct str name);
/* Fields that must not come in trailers (RFC 9110 6.5.1): framing, routing, authentication,
 * content-*, and pseudo fields. Nor what a gateway says: an app may join head and trailers, and
 * would believe of a client what is not true. */
bool field_forbidden_in_trailers(struct str name);

/* One content-length value: digits only, "5, 5" is refused as well. 0 or ERR_INVALID. */
int content_length_parse(struct str value, int64_t *ret_length);

/* What is said with 501 to a CONNECT that is no extended one. */
extern const char connect_refusal[];

/* The whole request head as the exchange would carry it: method, scheme, authority (may be
 * empty only for HTTP/1.0 and where require_authority is false), path or CONNECT's form.
 * NULL: fine; else what is wrong with it, for the 400's text. */
const char *request_problem(const struct message *request, bool require_authority);

#endif
