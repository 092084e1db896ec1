/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/buf.h"
#include "sys/file.h"
#include "tls/hello.h"

/* The hellos of real programs are the fuzzer's corpus, recorded from them; those of our own
 * client stand in tests/wire/peek_test.c. */

static void read_real(const char *name, struct buf *to) {
    char path[200];
    (void)snprintf(path, sizeof(path), "tests/fuzz/corpus/hello/%s", name);
    assert_int_equal(file_read(path, 1 << 20, to), 0);
}

static enum hello_verdict parse(const struct buf *b, struct hello *h) {
    /* Of exactly its size, so that ASan sees a step too far. */
    uint8_t *copy = test_malloc(b->n ? b->n : 1);
    if (b->n)
        memcpy(copy, b->p, b->n);
    enum hello_verdict verdict = hello_parse((struct str){(char *)copy, b->n}, h);
    test_free(copy);
    return verdict;
}

static const struct real {
    const char *file, *sni, *alpn;
    bool tls13;
} reals[] = {
    {"openssl", "passed.example.test", "\2h2\10http/1.1", true}, /* asked for as Passed.Example… */
    {"openssl-tls12-no-name", "", "", false},
    {"curl-mlkem", "a.passed.test", "\2h2\10http/1.1", true},
    {"chromium", "web.passed.test", "\2h2\10http/1.1", true},
};
enum { REALS = sizeof(reals) / sizeof(reals[0]) };

static void assert_hello(const struct hello *h, const struct real *wanted) {
    assert_string_equal(h->sni, wanted->sni);
    assert_int_equal(h->alpn_n, strlen(wanted->alpn));
    assert_memory_equal(h->alpn, wanted->alpn, h->alpn_n);
    assert_int_equal(h->tls13, wanted->tls13);
}

static void real_ones(void **state) {
    struct hello h;
    (void)state;
    for (int i = 0; i < REALS; i++) {
        struct buf b = {0};
        read_real(reals[i].file, &b);
        assert_int_equal(parse(&b, &h), HELLO_DONE);
        assert_hello(&h, &reals[i]);
        buf_fini(&b);
    }
}

static void every_truncation_wants_more(void **state) {
    struct hello h;
    (void)state;
    for (int i = 0; i < REALS; i++) {
        struct buf b = {0};
        read_real(reals[i].file, &b);
        while (b.n-- > 0)
            assert_int_equal(parse(&b, &h), HELLO_MORE);
        b.n = 0;
        buf_fini(&b);
    }
}

static void bytes_behind_it_do_not_matter(void **state) {
    struct hello h;
    struct buf b = {0};
    (void)state;
    read_real("openssl", &b);
    for (int i = 0; i < HELLO_MAX; i++)
        buf_char(&b, 'x');
    assert_int_equal(parse(&b, &h), HELLO_DONE);
    assert_hello(&h, &reals[0]);
    buf_fini(&b);
}

/* The same message in records of so many bytes, the first one of `first`. */
static void recut(const struct buf *from, size_t first, size_t each, struct buf *to) {
    size_t at = 5, n = first;
    for (buf_reset(to); at < from->n; at += n, n = each) {
        if (n > from->n - at)
            n = from->n - at;
        const uint8_t head[] = {22, 3, 1, (uint8_t)(n >> 8), (uint8_t)n};
        buf_add(to, head, sizeof(head));
        buf_add(to, from->p + at, n);
    }
}

static void fragmented_in_any_way(void **state) {
    struct hello h;
    (void)state;
    for (int i = 0; i < REALS; i++) {
        struct buf b = {0}, cut = {0};
        read_real(reals[i].file, &b);
        for (size_t first = 1; first < b.n - 5; first++) {
            recut(&b, first, b.n, &cut);
            assert_int_equal(parse(&cut, &h), HELLO_DONE);
            assert_hello(&h, &reals[i]);
        }
        for (size_t each = 1; each < 20; each++) {
            recut(&b, each, each, &cut);
            assert_int_equal(parse(&cut, &h), HELLO_DONE);
            assert_hello(&h, &reals[i]);
            cut.n--;
            assert_int_equal(parse(&cut, &h), HELLO_MORE);
        }
        buf_fini(&b);
        buf_fini(&cut);
    }
}

/* Whatever one byte becomes: an answer, and never "more" when all is there, but where the lengths
 * of the record or the message say so. */
static void any_byte_changed(void **state) {
    static const uint8_t values[] = {0, 1, 2, 0x7f, 0x80, 0xff};
    struct hello h;
    struct buf b = {0};
    (void)state;
    read_real("curl-mlkem", &b);
    for (size_t at = 0; at < b.n; at++)
        for (size_t v = 0; v < sizeof(values); v++) {
            uint8_t before = b.p[at];
            b.p[at] = values[v];
            enum hello_verdict verdict = parse(&b, &h);
            bool length = at == 3 || at == 4 || (at > 5 && at < 9);
            assert_true(verdict != HELLO_MORE || length);
            assert_true(verdict != HELLO_NOT_TLS || at < 2);
            b.p[at] = before;
        }
    buf_fini(&b);
}

/* ---- hellos of our own making ---- */

struct maker {
    struct buf extensions, all;
};

static void u16(struct buf *to, size_t n) {
    buf_char(to, (char)(n >> 8));
    buf_char(to, (char)n);
}

static void extension(struct maker *m, size_t type, struct str data) {
    u16(&m->extensions, type);
    u16(&m->extensions, data.n);
    buf_str(&m->extensions, data);
}

/* server_name with one host name. */
static void name(struct maker *m, struct str host) {
    struct buf data = {0};
    u16(&data, host.n + 3);
    buf_char(&data, 0);
    u16(&data, host.n);
    buf_str(&data, host);
    extension(m, 0, buf_view(&data));
    buf_fini(&data);
}

static void whole(struct maker *m) {
    char random[32] = {0};
    size_t n = 2 + 32 + 1 + 4 + 2 + 2 + m->extensions.n;
    buf_reset(&m->all);
    buf_str(&m->all, STR("\x16\x03\x01"));
    u16(&m->all, n + 4);
    buf_str(&m->all, STR("\1\0"));
    u16(&m->all, n);
    buf_str(&m->all, STR("\3\3"));
    buf_add(&m->all, random, sizeof(random));
    buf_str(&m->all, STR("\0\0\2\x13\1\1\0"));
    u16(&m->all, m->extensions.n);
    buf_str(&m->all, buf_view(&m->extensions));
}

/* Frees what m holds. */
static enum hello_verdict made(struct maker *m, struct hello *h) {
    whole(m);
    enum hello_verdict verdict = parse(&m->all, h);
    buf_fini(&m->extensions);
    buf_fini(&m->all);
    *m = (struct maker){0};
    return verdict;
}

static void names(void **state) {
    static const char *const good[] = {"a", "A-b_C.9", "xn--bcher-kva.test", "127.0.0.1", "::1"};
    static const char *const bad[] = {"a b", "b\xc3\xbc.test", "a/b", "a\n", "a\x7f", "*"};
    char longest[300];
    struct maker m = {0};
    struct hello h;
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        name(&m, str_of(good[i]));
        assert_int_equal(made(&m, &h), HELLO_DONE);
        assert_true(str_ieq(str_of(h.sni), str_of(good[i])));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        name(&m, str_of(bad[i]));
        assert_int_equal(made(&m, &h), HELLO_MALFORMED);
    }
    name(&m, STR("a.test\0.evil.test"));
    assert_int_equal(made(&m, &h), HELLO_MALFORMED);
    name(&m, STR(""));
    assert_int_equal(made(&m, &h), HELLO_MALFORMED);
    memset(longest, 'l', sizeof(longest));
    name(&m, (struct str){longest, 255});
    assert_int_equal(made(&m, &h), HELLO_DONE);
    assert_int_equal(strlen(h.sni), 255);
    name(&m, (struct str){longest, 256});
    assert_int_equal(made(&m, &h), HELLO_MALFORMED);
}

static void lists_that_are_not_sound(void **state) {
    static const struct {
        size_t type;
        struct str data;
        enum hello_verdict verdict;
    } cases[] = {
        {0, {"", 0}, HELLO_MALFORMED},
        {0, {"\0\0", 2}, HELLO_MALFORMED},
        {0, {"\0\4\0\0\1a", 6}, HELLO_DONE},
        {0, {"\0\4\0\0\1aX", 7}, HELLO_MALFORMED},
        {0, {"\0\5\0\0\1a", 6}, HELLO_MALFORMED},
        {0, {"\0\3\0\0\1a", 6}, HELLO_MALFORMED},
        {0, {"\0\10\0\0\1a\0\0\1b", 10}, HELLO_MALFORMED}, /* two host names */
        {0, {"\0\10\7\0\1?\0\0\1b", 10}, HELLO_DONE},      /* one of another type */
        {16, {"\0\0", 2}, HELLO_MALFORMED},
        {16, {"\0\3\2h2", 5}, HELLO_DONE},
        {16, {"\0\1\0", 3}, HELLO_MALFORMED}, /* an empty protocol */
        {16, {"\0\3\3h2", 5}, HELLO_MALFORMED},
        {16, {"\0\3\2h2X", 6}, HELLO_MALFORMED},
        {43, {"\0", 1}, HELLO_MALFORMED},
        {43, {"\2\3\4", 3}, HELLO_DONE},
        {43, {"\3\3\4\3", 4}, HELLO_MALFORMED},
        {43, {"\2\3\4\3", 4}, HELLO_MALFORMED},
        {4711, {"\0\0\0", 3}, HELLO_DONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct maker m = {0};
        struct hello h;
        extension(&m, cases[i].type, cases[i].data);
        assert_int_equal(made(&m, &h), cases[i].verdict);
    }
}

static void nothing_stands_twice(void **state) {
    struct maker m = {0};
    struct hello h;
    (void)state;
    name(&m, STR("a.test"));
    name(&m, STR("b.test"));
    assert_int_equal(made(&m, &h), HELLO_MALFORMED);
    for (int i = 0; i < 2; i++)
        extension(&m, 16, STR("\0\3\2h2"));
    assert_int_equal(made(&m, &h), HELLO_MALFORMED);
}

static void protocols_that_do_not_fit_are_left_out(void **state) {
    struct maker m = {0};
    struct hello h;
    struct buf data = {0};
    (void)state;
    u16(&data, 100 * 11 + 3);
    for (int i = 0; i < 100; i++)
        buf_str(&data, STR("\12some/other"));
    buf_str(&data, STR("\2h2"));
    extension(&m, 16, buf_view(&data));
    assert_int_equal(made(&m, &h), HELLO_DONE);
    assert_int_equal(h.alpn_n, 23 * 11 + 3);
    assert_memory_equal(h.alpn + 23 * 11, "\2h2", 3);
    buf_fini(&data);
}

static void versions_that_are_offered(void **state) {
    struct maker m = {0};
    struct hello h;
    (void)state;
    extension(&m, 43, STR("\6\x1a\x1a\3\4\3\3"));
    assert_int_equal(made(&m, &h), HELLO_DONE);
    assert_true(h.tls13);
    extension(&m, 43, STR("\4\x1a\x1a\3\3"));
    assert_int_equal(made(&m, &h), HELLO_DONE);
    assert_false(h.tls13);
}

static void without_extensions(void **state) {
    struct maker m = {0};
    struct hello h;
    (void)state;
    whole(&m);
    m.all.n -= 2;
    m.all.p[4] = (uint8_t)(m.all.p[4] - 2);
    m.all.p[8] = (uint8_t)(m.all.p[8] - 2);
    assert_int_equal(parse(&m.all, &h), HELLO_DONE);
    assert_string_equal(h.sni, "");
    buf_fini(&m.all);
}

static void what_is_no_hello(void **state) {
    static const struct {
        struct str input;
        enum hello_verdict verdict;
    } cases[] = {
        {{"", 0}, HELLO_MORE},
        {{"GET / HTTP/1.1\r\n", 16}, HELLO_NOT_TLS},
        {{"PRI * HTTP/2.0\r\n", 16}, HELLO_NOT_TLS},
        {{"\x80\x2e\1\3\1", 5}, HELLO_NOT_TLS}, /* SSL 2 */
        {{"\x15\3\1\0\2\2\x28", 7}, HELLO_NOT_TLS},
        {{"\x16", 1}, HELLO_MORE},
        {{"\x16\2", 2}, HELLO_NOT_TLS},
        {{"\x16\3\1\0\0", 5}, HELLO_MALFORMED},             /* an empty fragment */
        {{"\x16\3\1\x40\1", 5}, HELLO_MALFORMED},           /* a fragment too long */
        {{"\x16\3\1\0\4\2", 6}, HELLO_MALFORMED},           /* a ServerHello */
        {{"\x16\3\1\x40\0\1\0\x40\0", 9}, HELLO_MALFORMED}, /* a message too long */
        {{"\x16\3\1\0\4\1\xff\xff\xff", 9}, HELLO_MALFORMED},
        {{"\x16\3\1\0\1\1\x17", 7}, HELLO_MALFORMED}, /* data between its fragments */
        {{"\x16\3\1\0\1\1\x16\2", 8}, HELLO_MALFORMED},
        {{"\x16\3\1\0\4\1\0\0\0", 9}, HELLO_MALFORMED}, /* an empty message */
    };
    struct hello h;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(hello_parse(cases[i].input, &h), cases[i].verdict);
}

static void it_may_not_go_on_for_ever(void **state) {
    struct buf b = {0};
    struct hello h;
    (void)state;
    /* 0x3ff0 bytes of message, one in each record. */
    buf_str(&b, STR("\x16\3\1\0\4\1\0\x3f\xf0"));
    while (b.n < HELLO_MAX - 6) {
        assert_int_equal(hello_parse(buf_view(&b), &h), HELLO_MORE);
        buf_str(&b, STR("\x16\3\1\0\1\3"));
    }
    buf_str(&b, STR("\x16\3\1\0\1\3"));
    assert_int_equal(hello_parse(buf_view(&b), &h), HELLO_MALFORMED);
    buf_fini(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_ones),
        cmocka_unit_test(every_truncation_wants_more),
        cmocka_unit_test(bytes_behind_it_do_not_matter),
        cmocka_unit_test(fragmented_in_any_way),
        cmocka_unit_test(any_byte_changed),
        cmocka_unit_test(names),
        cmocka_unit_test(lists_that_are_not_sound),
        cmocka_unit_test(nothing_stands_twice),
        cmocka_unit_test(protocols_that_do_not_fit_are_left_out),
        cmocka_unit_test(versions_that_are_offered),
        cmocka_unit_test(without_extensions),
        cmocka_unit_test(what_is_no_hello),
        cmocka_unit_test(it_may_not_go_on_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
