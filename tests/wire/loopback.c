/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loopback.h"

#include <sys/socket.h>

#include "base/check.h"
#include "sys/sock.h"

struct uri loopback_listen(const char *scheme, int *ret_fd) {
    struct sock_bind wanted = {.type = SOCK_STREAM};
    struct addr a;
    check(addr_parse(STR("127.0.0.1:0"), &wanted.addr) == 0);
    check(sock_bind(&wanted, ret_fd) == 0);
    sock_names(*ret_fd, &a, NULL);
    return (struct uri){.scheme = str_of(scheme),
                        .host = STR("127.0.0.1"),
                        .port = addr_port(&a),
                        .authority = STR("here")};
}
