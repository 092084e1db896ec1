/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYS_LISTENING_H
#define SYS_LISTENING_H

#include <stdbool.h>

#include "base/addr.h"

/* Does a socket of this machine listen on a, for TCP or under a unix path? Nobody notices: it is
 * read from the kernel's own tables (/proc/net/tcp, tcp6) and the file system. A connect would be
 * seen by the app, and take the only one that `nc -l` accepts. What cannot be learned is true. */
bool machine_listens(const struct addr *a);

#endif
