/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYS_PROCESS_H
#define SYS_PROCESS_H

#include <stdint.h>

/* What this process takes of the machine, from /proc and getrusage. What cannot be learned is
 * 0. */

struct process_facts {
    uint64_t resident_bytes, virtual_bytes;
    uint64_t open_fds, max_fds;
    uint64_t cpu_ns; /* user and system */
};

void process_look(struct process_facts *ret_facts);

enum { PROCESS_ADVICE = 96 };
/* What to do when all file descriptors are in use: "all 1024 are in use: raise ulimit -n …". To
 * count them takes one. */
const char *process_fds_advice(char to[PROCESS_ADVICE]);

#endif
