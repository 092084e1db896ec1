/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TLS_NAMES_H
#define TLS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* Is a certificate for the host that was asked for (RFC 9525)? Only the alternative names
 * count: DNS names, with a wildcard as the whole first label, for names; IP addresses for
 * literal addresses. Common names are not looked at. */

/* names gets what the certificate is for, as far as there is room, for the message. */
bool names_match(struct str der, const char *host, char *names, size_t cap);

/* pattern may begin with "*."; both without regard to case. */
bool names_match_dns(struct str pattern, struct str host);

/* Appends an attribute of a distinguished name to "CN=x,O=Org" as RFC 4514 writes it; what
 * could be taken for something else is escaped. One that does not fit is left out. */
void names_add_attribute(const char *type, struct str value, char *to, size_t cap);

#endif
