/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "gateway/config/config.h"

/* A configuration file. Beyond crashes: what is refused is told, what is taken can be told
 * again, option by option. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_all(const struct config *c) {
    struct buf b;
    buf_init(&b);
    for (size_t i = 0; i < n_options; i++) {
        const struct option *o = &options[i];
        if (o->section == SECTION_GATEWAY)
            option_print(o, &c->gateway, &b);
        if (o->section == SECTION_SERVER && c->n_servers > 0)
            option_print(o, &c->servers[0]->options, &b);
        if (o->section == SECTION_UPSTREAM && c->n_upstreams > 0)
            option_print(o, &c->upstreams[0]->options, &b);
    }
    check(!b.failed);
    buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int fd = -1;
    static char path[64];
    struct config c;
    struct buf errors;
    if (fd < 0) {
        fd = memfd_create("config", 0);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    check(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    buf_init(&errors);
    check(config_init(&c, &errors) == 0);
    int err = config_read_file(&c, path);
    check(!err == !errors.n);
    if (err == 0)
        err = config_check(&c);
    check(!err == !errors.n);
    if (err == 0)
        print_all(&c);
    config_fini(&c);
    buf_fini(&errors);
    return 0;
}
