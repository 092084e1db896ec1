/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYS_PLACE_H
#define SYS_PLACE_H

#include "base/buf.h"

/* Where h3gw keeps things on this machine. The environment comes as a function (getenv, or
 * a test's), and there is no look into the user database: a static program cannot.
 *
 * Paths are added to `to`, terminated. ERR_NOT_FOUND: the environment names no place. As the
 * XDG specification asks, XDG variables with a relative path count as not set. */

typedef char *place_env(const char *name);

/* $H3GW_CAROOT, else $XDG_DATA_HOME/h3gw, else $HOME/.local/share/h3gw. Nothing is made. */
int place_ca_root(place_env *env, struct buf *to);

/* $XDG_RUNTIME_DIR/h3gw, else /tmp/h3gw-UID; made when missing. ERR_REFUSED: something of that
 * name belongs to somebody else, is no folder, or is open to others. */
int place_runtime(place_env *env, struct buf *to);

/* "user@host", for the name of the CA: tells two of them apart in a browser's list. */
void place_owner(place_env *env, struct buf *to);

#endif
