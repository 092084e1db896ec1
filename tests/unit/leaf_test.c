/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/err.h"
#include "folder.h"
#include "pki/leaf.h"

static const int64_t now_s = 1800000000, day_s = 86400;

struct scene {
    struct folder *folder;
    struct ca ca;
    struct key *key;
};

static struct scene scene;

static int set_up(void **state) {
    void *folder;
    struct buf message;

    if (folder_set_up(&folder))
        return -1;
    scene.folder = folder;
    buf_init(&message);
    struct ca_wish wish = {scene.folder->path, "me@here", now_s};
    *state = &scene;
    return ca_open(&wish, &scene.ca, &message) || key_make(KEY_EC, 256, &scene.key) ? -1 : 0;
}

static int tear_down(void **state) {
    void *folder = scene.folder;

    (void)state;
    ca_fini(&scene.ca);
    key_free(scene.key);
    return folder_tear_down(&folder);
}

static void parse(const char *text, struct san *san) {
    struct buf message;

    buf_init(&message);
    assert_int_equal(san_parse(str_of(text), san, &message), 0);
    assert_int_equal(message.n, 0);
    buf_fini(&message);
}

static void issue(const struct leaf_wish *wish, struct cert *ret_cert) {
    struct buf der;

    buf_init(&der);
    assert_int_equal(leaf_issue(&scene.ca, wish, &der), 0);
    assert_int_equal(cert_read(buf_view(&der), ret_cert), 0);
    buf_fini(&der);
}

static bool holds(const struct cert *cert, struct str bytes) {
    return memmem(cert->der.p, cert->der.n, bytes.p, bytes.n) != NULL;
}

#define SERVER_AUTH STR("\x2b\x06\x01\x05\x05\x07\x03\x01")
#define CLIENT_AUTH STR("\x2b\x06\x01\x05\x05\x07\x03\x02")

static void is_for_its_names(void **state) {
    struct san sans[4];
    struct leaf_wish wish = {.sans = sans, .n_sans = 4, .now_s = now_s, .days = 90};
    struct cert cert;
    struct buf text;

    (void)state;
    wish.key = scene.key;
    parse("localhost", &sans[0]);
    parse("*.Example.test", &sans[1]);
    parse("127.0.0.1", &sans[2]);
    parse("[::1]", &sans[3]);
    issue(&wish, &cert);
    assert_true(cert_covers(&cert, STR("localhost")));
    assert_true(cert_covers(&cert, STR("a.example.test")));
    assert_true(cert_covers(&cert, STR("127.0.0.1")));
    assert_true(cert_covers(&cert, STR("::1")));
    assert_false(cert_covers(&cert, STR("example.test")));
    assert_true(cert_issued_by(&cert, &scene.ca.cert, scene.ca.key));
    assert_true(str_eq(cert.aki, scene.ca.cert.ski));
    assert_true(key_fits(scene.key, cert.spki));
    assert_false(cert.is_ca);
    assert_true(cert.for_servers);
    assert_true(holds(&cert, SERVER_AUTH));
    assert_false(holds(&cert, CLIENT_AUTH));
    buf_init(&text);
    cert_subject_text(&cert, &text);
    assert_string_equal(text.p, "O=h3gw development certificate, CN=localhost");
    buf_fini(&text);
    cert_fini(&cert);
}

static void is_for_clients_when_asked(void **state) {
    struct san san;
    struct leaf_wish wish = {
        .sans = &san, .n_sans = 1, .now_s = now_s, .days = 90, .client = true, .key = scene.key};
    struct cert cert;

    (void)state;
    parse("me@example.test", &san);
    issue(&wish, &cert);
    assert_true(holds(&cert, CLIENT_AUTH));
    cert_fini(&cert);
}

static void holds_as_long_as_asked(void **state) {
    struct san san;
    struct leaf_wish wish = {
        .sans = &san, .n_sans = 1, .now_s = now_s, .days = 820, .key = scene.key};
    struct cert cert;

    (void)state;
    parse("localhost", &san);
    issue(&wish, &cert);
    assert_int_equal(cert.not_before_s, now_s - 3600);
    assert_int_equal(cert.not_after_s - cert.not_before_s, 820 * day_s);
    cert_fini(&cert);
}

static void ends_with_its_ca(void **state) {
    struct san san;
    struct leaf_wish wish = {
        .sans = &san, .n_sans = 1, .now_s = now_s + 3600 * day_s, .days = 90, .key = scene.key};
    struct cert cert;
    struct buf der;

    (void)state;
    parse("localhost", &san);
    issue(&wish, &cert);
    assert_int_equal(cert.not_after_s, scene.ca.cert.not_after_s);
    cert_fini(&cert);
    buf_init(&der);
    wish.now_s = now_s + 3700 * day_s;
    assert_int_equal(leaf_issue(&scene.ca, &wish, &der), ERR_INVALID);
    buf_fini(&der);
}

static void has_a_serial_of_its_own(void **state) {
    struct san san;
    struct leaf_wish wish = {
        .sans = &san, .n_sans = 1, .now_s = now_s, .days = 90, .key = scene.key};
    struct cert first, second;

    (void)state;
    parse("localhost", &san);
    issue(&wish, &first);
    issue(&wish, &second);
    assert_int_equal(first.serial.n, 16);
    assert_false(str_eq(first.serial, second.serial));
    cert_fini(&first);
    cert_fini(&second);
}

static void assert_name(const char *text, enum san_kind kind, const char *result) {
    struct san san;

    parse(text, &san);
    assert_int_equal(san.kind, kind);
    assert_string_equal(san.text, result);
}

static void spells_names_in_one_way(void **state) {
    (void)state;
    assert_name("LocalHost.", SAN_DNS, "localhost");
    assert_name("*.A.test", SAN_DNS, "*.a.test");
    assert_name("xn--bcher-kva.example", SAN_DNS, "xn--bcher-kva.example");
    assert_name("under_score.test", SAN_DNS, "under_score.test");
    assert_name("0:0:0:0:0:0:0:1", SAN_IP, "::1");
    assert_name("10.0.0.1", SAN_IP, "10.0.0.1");
    assert_name("spiffe://Some/Path", SAN_URI, "spiffe://Some/Path");
    assert_name("Me@Example.test", SAN_MAIL, "me@example.test");
}

static void assert_no_name(const char *text, const char *part) {
    struct buf message;
    struct san san;

    buf_init(&message);
    assert_int_equal(san_parse(str_of(text), &san, &message), ERR_INVALID);
    assert_non_null(strstr((char *)message.p, part));
    buf_fini(&message);
}

static void refuses_what_is_no_name(void **state) {
    char longest[300];

    (void)state;
    memset(longest, 'a', sizeof(longest));
    longest[64] = 0;
    assert_no_name("", "empty");
    assert_no_name(longest, "63");
    longest[64] = 'a';
    longest[299] = 0;
    assert_no_name(longest, "too long");
    assert_no_name("b\xc3\xbc"
                   "cher.example",
                   "xn--");
    assert_no_name("a b", "no name has");
    assert_no_name("*", "a * stands alone in front");
    assert_no_name("a.*.test", "a * stands alone in front");
    assert_no_name("*.*.test", "a * stands alone in front");
    assert_no_name("w*.test", "a * stands alone in front");
    assert_no_name("*.", "a * stands alone in front");
    assert_no_name(".", "empty");
    assert_no_name("a..b", "63");
    assert_no_name("-a.test", "hyphens");
    assert_no_name("300.1.1.1", "neither an IP address");
    assert_no_name("localhost:8443", "port");
    assert_no_name("fe80::1%eth0", "port");
    assert_no_name("a/b", "no host name");
    assert_no_name("@a.test", "no e-mail");
    assert_no_name("a@b@c", "no e-mail");
    assert_no_name("1!://a", "no URI");
}

static void warns_of_what_browsers_refuse(void **state) {
    struct san san;

    (void)state;
    parse("*.localhost", &san);
    assert_non_null(san_warning(&san));
    parse("*.test", &san);
    assert_non_null(san_warning(&san));
    parse("*.a.test", &san);
    assert_null(san_warning(&san));
    parse("localhost", &san);
    assert_null(san_warning(&san));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(is_for_its_names),
        TEST(is_for_clients_when_asked),
        TEST(holds_as_long_as_asked),
        TEST(ends_with_its_ca),
        TEST(has_a_serial_of_its_own),
        cmocka_unit_test(spells_names_in_one_way),
        cmocka_unit_test(refuses_what_is_no_name),
        cmocka_unit_test(warns_of_what_browsers_refuse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
