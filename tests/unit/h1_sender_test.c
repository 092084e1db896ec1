/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "proto/h1/sender.h"

struct sending {
    struct chunk_pool pool;
    struct body body;
    struct h1_sender sender;
    struct buf sent;
};

static void set_up(struct sending *s) {
    chunk_pool_init(&s->pool, 0);
    body_init(&s->body, &s->pool, 1 << 20);
    h1_sender_init(&s->sender);
    buf_init(&s->sent);
}

static void tear_down(struct sending *s) {
    h1_sender_fini(&s->sender);
    body_fini(&s->body);
    buf_fini(&s->sent);
    chunk_pool_fini(&s->pool);
}

/* One pull of n pieces, of which at most max bytes are taken. */
static size_t take(struct sending *s, int n, size_t max) {
    struct iovec iov[8];
    size_t done = 0;
    n = h1_sender_pull(&s->sender, iov, n);
    for (int i = 0; i < n && done < max; i++) {
        size_t piece = iov[i].iov_len < max - done ? iov[i].iov_len : max - done;
        buf_add(&s->sent, iov[i].iov_base, piece);
        done += piece;
    }
    h1_sender_pulled(&s->sender, done);
    return done;
}

/* However few pieces and bytes are taken at a time, the bytes are the same. */
static void test_any_cut(void **state) {
    (void)state;
    for (int n = 1; n < 8; n++) {
        for (size_t max = 1; max < 12; max++) {
            struct sending s;
            set_up(&s);
            buf_str(&s.sender.lead, STR("HEAD\r\n\r\n"));
            h1_sender_begin(&s.sender, H1_CHUNKED, 0, &s.body);
            body_write(&s.body, "hello world", 11);
            body_finish(&s.body);
            assert_int_equal(h1_sender_end(&s.sender, NULL), 0);
            while (take(&s, n, max) > 0)
                assert_true(h1_sender_done(&s.sender) || h1_sender_pending(&s.sender));
            assert_string_equal(s.sent.p, "HEAD\r\n\r\nb\r\nhello world\r\n0\r\n\r\n");
            assert_true(h1_sender_done(&s.sender));
            tear_down(&s);
        }
    }
}

static void test_a_chunk_keeps_its_size(void **state) {
    (void)state;
    struct sending s;
    set_up(&s);
    h1_sender_begin(&s.sender, H1_CHUNKED, 0, &s.body);
    body_write(&s.body, "abc", 3);
    assert_int_equal(take(&s, 8, 4), 4); /* its size line and a byte */
    body_write(&s.body, "defg", 4);
    while (take(&s, 8, 100) > 0) {
    }
    assert_string_equal(s.sent.p, "3\r\nabc\r\n4\r\ndefg\r\n");
    assert_false(h1_sender_done(&s.sender));
    tear_down(&s);
}

static void test_no_more_than_promised(void **state) {
    (void)state;
    struct sending s;
    set_up(&s);
    h1_sender_begin(&s.sender, H1_LENGTH, 3, &s.body);
    body_write(&s.body, "abcdef", 6);
    while (take(&s, 8, 2) > 0) {
    }
    assert_string_equal(s.sent.p, "abc");
    body_finish(&s.body);
    assert_int_equal(h1_sender_end(&s.sender, NULL), ERR_INVALID);
    tear_down(&s);
}

static void test_nor_less(void **state) {
    (void)state;
    struct sending s;
    set_up(&s);
    h1_sender_begin(&s.sender, H1_LENGTH, 3, &s.body);
    body_write(&s.body, "ab", 2);
    body_finish(&s.body);
    assert_int_equal(h1_sender_end(&s.sender, NULL), ERR_INVALID);
    tear_down(&s);
}

static void test_hold(void **state) {
    (void)state;
    struct sending s;
    set_up(&s);
    buf_str(&s.sender.lead, STR("HEAD"));
    h1_sender_begin(&s.sender, H1_LENGTH, 2, &s.body);
    s.sender.hold = true;
    body_write(&s.body, "ab", 2);
    body_finish(&s.body);
    assert_int_equal(h1_sender_end(&s.sender, NULL), 0);
    assert_int_equal(take(&s, 8, 100), 4);
    assert_false(h1_sender_pending(&s.sender) || h1_sender_done(&s.sender) || s.body.wanted);
    s.sender.hold = false;
    assert_int_equal(take(&s, 8, 100), 2);
    assert_true(h1_sender_done(&s.sender));
    tear_down(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_cut),
        cmocka_unit_test(test_a_chunk_keeps_its_size),
        cmocka_unit_test(test_no_more_than_promised),
        cmocka_unit_test(test_nor_less),
        cmocka_unit_test(test_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
