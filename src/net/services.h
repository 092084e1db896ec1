/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef NET_SERVICES_H
#define NET_SERVICES_H

/* c-ares can look up the names of services, which we never ask for, through libc functions
 * that a static glibc loads shared libraries for. Ours know no services; calling this
 * is what makes the linker take them before libc's. */
void services_replace(void);

#endif
