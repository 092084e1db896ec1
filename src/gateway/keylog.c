/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gateway/keylog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"

/* One call a line, so that lines of several processes do not mix. What cannot be written is
 * lost: a debugging aid must not stop traffic. */
static void write_line(struct tls_keylog *tls, const char *line, size_t n) {
    struct keylog *k = container_of(tls, struct keylog, tls);
    char newline = '\n';
    struct iovec iov[2] = {{.iov_base = (void *)(uintptr_t)line, .iov_len = n}, {&newline, 1}};

    if (k->fd >= 0 && writev(k->fd, iov, 2) < 0)
        errno = 0;
}

int keylog_open(struct keylog *k, const char *path, struct log *log) {
    *k = (struct keylog){.tls.line = write_line, .fd = -1};
    k->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (k->fd >= 0)
        return 0;
    log_error(log, "key log %s: %s", path, strerror(errno));
    return ERR_SYSTEM;
}

void keylog_close(struct keylog *k) {
    if (k->fd >= 0)
        close(k->fd);
    k->fd = -1;
}
