/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "h3_drive.h"
#include "proto/h3/h3.h"

/* A client that says anything; h3_drive.h has the form of the input. */

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    struct quic_conn c;
    h3_drive_init(&c, false);
    c.app = h3_server_new(&c.w.env, &c, &c.w.peer);
    check(c.app);
    c.app->ops->opened(c.app);
    h3_drive_run(&c, p, n);
    h3_drive_fini(&c);
    return 0;
}
