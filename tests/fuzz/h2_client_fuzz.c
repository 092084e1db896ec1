/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz/fuzz_world.h"
#include "proto/h2/h2.h"

/* The input is what a server sends; the first byte decides on the cuts. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_world w;
    struct iovec iov[8];
    if (size < 1)
        return 0;
    fuzz_world_init(&w);
    struct http_client *client = h2_client_new(&w.env, &w.peer, NULL);
    check(client);
    fuzz_open(&w, client);
    fuzz_turn(&w);
    client->engine->ops->pull(client->engine, iov, 8);
    fuzz_feed(&w, client->engine, data + 1, size - 1, data[0] & 0x7f);
    fuzz_world_fini(&w);
    return 0;
}
