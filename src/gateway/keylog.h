/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef GATEWAY_KEYLOG_H
#define GATEWAY_KEYLOG_H

#include "base/log.h"
#include "tls/context.h"

/* Appends TLS and QUIC secrets in the NSS key log format (RFC 9850) to a file. */

struct keylog {
    struct tls_keylog tls;
    int fd; /* -1: closed */
};

/* 0 or ERR_SYSTEM, told in the log; the file is made with mode 0600. */
int keylog_open(struct keylog *k, const char *path, struct log *log);
void keylog_close(struct keylog *k);

#endif
