/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/listening.h"

static struct addr of(const char *text) {
    struct addr a;
    assert_int_equal(addr_parse(str_of(text), &a), 0);
    return a;
}

/* Bound to ip, and listening if wanted; *ret_port is the one it got. */
static int bound(const char *ip, bool listening, uint16_t *ret_port) {
    struct addr a;
    assert_int_equal(addr_from_ip(str_of(ip), 0, &a), 0);
    int fd = socket(a.sa.sa_family, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, &a.sa, a.n), 0);
    if (listening)
        assert_int_equal(listen(fd, 1), 0);
    a.n = sizeof(a.in6);
    assert_int_equal(getsockname(fd, &a.sa, &a.n), 0);
    *ret_port = addr_port(&a);
    return fd;
}

static bool listens(const char *ip, uint16_t port) {
    struct addr a;
    assert_int_equal(addr_from_ip(str_of(ip), port, &a), 0);
    return machine_listens(&a);
}

static void who_listens_where(void **state) {
    static const struct {
        const char *ip;
        bool on_loopback, on_another, on_loopback6;
    } rows[] = {
        {"127.0.0.1", true, false, false},        {"127.0.0.2", false, true, false},
        {"0.0.0.0", true, true, false},           {"::1", false, false, true},
        {"::ffff:127.0.0.1", true, false, false}, {"::", true, true, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint16_t port;
        int fd = bound(rows[i].ip, true, &port);
        if (listens("127.0.0.1", port) != rows[i].on_loopback ||
            listens("127.0.0.2", port) != rows[i].on_another ||
            listens("::1", port) != rows[i].on_loopback6)
            fail_msg("a listener on %s", rows[i].ip);
        close(fd);
    }
}

/* On an address that no other test has. */
static void who_is_bound_only(void **state) {
    static const char ip[] = "127.83.11.7";
    uint16_t port;
    int fd = bound(ip, false, &port);
    (void)state;
    assert_false(listens(ip, port));
    assert_int_equal(listen(fd, 1), 0);
    assert_true(listens(ip, port));
    close(fd);
    assert_false(listens(ip, port));
}

static void unix_paths(void **state) {
    struct addr folder = of("unix:/"), none = of("unix:/nowhere/app.sock");
    (void)state;
    assert_false(machine_listens(&folder));
    assert_false(machine_listens(&none));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_listens_where),
        cmocka_unit_test(who_is_bound_only),
        cmocka_unit_test(unix_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
