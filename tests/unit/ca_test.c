/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "folder.h"
#include "pki/ca.h"
#include "pki_fixtures.h"
#include "sys/file.h"

static const int64_t now_s = 1800000000, day_s = 86400;

static int open_at(struct folder *folder, int64_t at_s, struct ca *ca, struct buf *message) {
    struct ca_wish wish = {path_in(folder, "ca"), "me@here", at_s};

    buf_init(message);
    return ca_open(&wish, ca, message);
}

static void open_well(struct folder *folder, struct ca *ca) {
    struct buf message;

    assert_int_equal(open_at(folder, now_s, ca, &message), 0);
    assert_int_equal(message.n, 0);
    buf_fini(&message);
}

static void put(struct folder *folder, const char *name, const char *text) {
    file_make_folders(path_in(folder, "ca"), 0755);
    assert_int_equal(file_write(path_in(folder, name), str_of(text), 0600, FILE_OVERWRITE), 0);
}

static void assert_refused(struct folder *folder, int64_t at_s, int err, const char *part) {
    struct buf message;
    struct ca ca;

    assert_int_equal(open_at(folder, at_s, &ca, &message), err);
    assert_non_null(strstr((char *)message.p, part));
    buf_fini(&message);
}

static unsigned mode_of(const char *path) {
    struct stat about;

    assert_int_equal(stat(path, &about), 0);
    return about.st_mode & 07777;
}

static void makes_one(void **state) {
    struct ca ca;
    struct buf b;

    buf_init(&b);
    open_well(*state, &ca);
    assert_true(ca.fresh);
    assert_true(ca.cert.is_ca);
    assert_int_equal(ca.cert.serial.n, 16);
    assert_int_equal(ca.cert.ski.n, 20);
    assert_int_equal(ca_days_left(&ca, now_s), 3652);
    assert_true(cert_issued_by(&ca.cert, &ca.cert, ca.key));
    cert_subject_text(&ca.cert, &b);
    assert_string_equal(b.p, "O=h3gw development CA, CN=h3gw CA me@here");
    assert_int_equal(mode_of(path_in(*state, "ca/rootCA.pem")), 0644);
    assert_int_equal(mode_of(path_in(*state, "ca/rootCA-key.pem")), 0600);
    ca_fini(&ca);
    buf_fini(&b);
}

static void takes_it_again(void **state) {
    struct ca first, second;

    open_well(*state, &first);
    open_well(*state, &second);
    assert_false(second.fresh);
    assert_true(str_eq(buf_view(&first.cert.der), buf_view(&second.cert.der)));
    assert_true(key_fits(first.key, second.cert.spki));
    ca_fini(&first);
    ca_fini(&second);
}

static void overwrites_nothing(void **state) {
    struct folder *folder = *state;

    put(folder, "ca/rootCA.pem", "nonsense");
    assert_refused(folder, now_s, ERR_INVALID, "rootCA-key.pem, is not beside it");
    put(folder, "ca/rootCA-key.pem", "nonsense");
    assert_refused(folder, now_s, ERR_INVALID, "rootCA.pem: not a certificate");
    put(folder, "ca/rootCA.pem", FIXTURE_CERT);
    assert_refused(folder, now_s, ERR_NOT_FOUND, "rootCA-key.pem: not a private key");
    put(folder, "ca/rootCA-key.pem", FIXTURE_ENCRYPTED);
    assert_refused(folder, now_s, ERR_UNSUPPORTED, "rootCA-key.pem: an encrypted key");
    put(folder, "ca/rootCA-key.pem", FIXTURE_RSA_PKCS1);
    assert_refused(folder, now_s, ERR_INVALID, "not the key of the certificate");
    assert_int_equal(unlink(path_in(folder, "ca/rootCA.pem")), 0);
    assert_refused(folder, now_s, ERR_INVALID, "key without its certificate");
}

static void takes_a_foreign_one(void **state) {
    struct ca ca;

    put(*state, "ca/rootCA.pem", FIXTURE_CERT);
    put(*state, "ca/rootCA-key.pem", FIXTURE_EC_SEC1);
    open_well(*state, &ca);
    assert_false(ca.fresh);
    ca_fini(&ca);
}

static void tells_of_its_end(void **state) {
    struct ca ca;

    open_well(*state, &ca);
    assert_int_equal(ca_days_left(&ca, now_s + 3600 * day_s), 52);
    ca_fini(&ca);
    assert_refused(*state, now_s + 3653 * day_s, ERR_INVALID, "this CA ended on 2037-01-14");
}

static void needs_a_folder(void **state) {
    put(*state, "ca/x", "");
    assert_int_equal(file_write(path_in(*state, "ca/y"), STR(""), 0600, FILE_NEW), 0);
    struct ca_wish wish = {path_in(*state, "ca/y"), "me@here", now_s};
    struct buf message;
    struct ca ca;

    buf_init(&message);
    assert_int_equal(ca_open(&wish, &ca, &message), ERR_NOT_FOUND);
    assert_non_null(strstr((char *)message.p, "ca/y: Not a directory"));
    buf_fini(&message);
}

static void only_loads(void **state) {
    struct ca_wish wish = {path_in(*state, "ca"), "me@here", now_s};
    struct buf message;
    struct ca ca;

    buf_init(&message);
    assert_int_equal(ca_load(&wish, &ca, &message), ERR_NOT_FOUND);
    assert_int_equal(message.n, 0);
    put(*state, "ca/rootCA.pem", FIXTURE_CERT);
    assert_int_equal(ca_load(&wish, &ca, &message), 0);
    assert_null(ca.key);
    ca_fini(&ca);
    buf_fini(&message);
}

/* Exactly one of two that start at once makes it. */
static void makes_one_for_two(void **state) {
    struct ca_wish wish = {path_in(*state, "ca"), "me@here", now_s};
    struct ca ca;
    struct buf message;
    int status;
    pid_t child = fork();
    bool fresh;

    buf_init(&message);
    if (child == 0)
        _exit(ca_open(&wish, &ca, &message) ? 2 : ca.fresh);
    assert_int_equal(ca_open(&wish, &ca, &message), 0);
    fresh = ca.fresh;
    ca_fini(&ca);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status) + fresh, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(makes_one),          FOLDER_TEST(takes_it_again),
        FOLDER_TEST(overwrites_nothing), FOLDER_TEST(takes_a_foreign_one),
        FOLDER_TEST(tells_of_its_end),   FOLDER_TEST(needs_a_folder),
        FOLDER_TEST(only_loads),         FOLDER_TEST(makes_one_for_two),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
