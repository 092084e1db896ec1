/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "h3_drive.h"
#include "proto/h3/h3.h"

/* A server that says anything, to a client with three requests; h3_drive.h has the form. */

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    struct quic_conn c;
    h3_drive_init(&c, true);
    struct http_client *client = h3_client_new(&c.w.env, &c, &c.w.peer, NULL);
    check(client);
    c.app = h3_client_app(client);
    c.app->ops->opened(c.app);
    fuzz_open(&c.w, client);
    fuzz_turn(&c.w);
    h3_drive_run(&c, p, n);
    h3_drive_fini(&c);
    return 0;
}
