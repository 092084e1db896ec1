/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef H3GW_COMMAND_LICENSES_H
#define H3GW_COMMAND_LICENSES_H

#include <stddef.h>

/*
 * Everything that the binary is made of: h3gw itself, the vendored libraries, glibc.
 *
 * The data is generated when h3gw is built (vendor/notices, from vendor/lock and the licence files
 * that came with the sources), so that it cannot say something else than what was linked.
 */

struct license {
    const char *name;    /* "nghttp3" */
    const char *version; /* "1.15.0" */
    const char *spdx;    /* "MIT" */
    const char *text;    /* whole, many lines, ends with a newline */
};

extern const struct license licenses[];
extern const size_t n_licenses;

#endif
