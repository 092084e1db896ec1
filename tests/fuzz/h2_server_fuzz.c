/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz/fuzz_world.h"
#include "proto/h2/h2.h"

/* The first byte decides on the cuts, and whether the client's preface is put in front. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
    uint8_t input[FUZZ_SCRATCH * 4];
    struct fuzz_world w;
    if (size < 1 || size > sizeof(input) - sizeof(preface))
        return 0;
    size_t n = data[0] & 0x80 ? 0 : sizeof(preface);
    memcpy(input, preface, n);
    memcpy(input + n, data + 1, size - 1);
    fuzz_world_init(&w);
    struct stream_engine *e = h2_server_new(&w.env, &w.peer);
    check(e);
    fuzz_feed(&w, e, input, n + size - 1, data[0] & 0x7f);
    fuzz_world_fini(&w);
    return 0;
}
