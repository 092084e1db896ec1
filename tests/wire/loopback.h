/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_WIRE_LOOPBACK_H
#define TESTS_WIRE_LOOPBACK_H

#include "http/uri.h"
#include "sys/loop.h"

/* What tests with real sockets share. */

/* An upstream to be: listens on a port of its own of 127.0.0.1, and does not block. scheme stays.
 */
struct uri loopback_listen(const char *scheme, int *ret_fd);

/* Waits for a condition; a test that never gets it ends after a minute. */
#define LOOPBACK_WAIT(loop, condition) \
    do { \
        uint64_t until_ = loop_turn(loop)->now_ns + 60 * SECOND_NS; \
        while (!(condition) && loop_turn(loop)->now_ns < until_) \
            loop_lap(loop, SECOND_NS / 20); \
        assert_true(condition); \
    } while (0)

#endif
