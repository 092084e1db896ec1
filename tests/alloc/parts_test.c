/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "fallible.h"
#include "gateway/config/config.h"
#include "gateway/identity.h"
#include "pki/store.h"
#include "sys/file.h"
#include "tls/context.h"
#include "unit/folder.h"
#include "wire/certs.h"

/* The end of memory in what runs before a gateway serves: configuration, flags, certificates. */

/* 0 or an error, but nothing else than the one that it must be. */
static void judge(int err, bool well) {
    if (well)
        assert_int_equal(err, 0);
    else
        assert_true(err == 0 || err == ERR_NO_MEMORY || err == ERR_INVALID || err == ERR_SYSTEM);
}

/* ---- configuration ---- */

static void read_config(void *context, bool well) {
    const char *path = context;
    struct config c;
    struct buf errors;

    buf_init(&errors);
    int err = config_init(&c, &errors);
    if (!err)
        err = config_read_file(&c, path);
    if (!err)
        err = config_check(&c);
    judge(err, well);
    config_fini(&c);
    buf_fini(&errors);
}

static void configuration(void **state) {
    char path[] = "ini/article.ini", passthrough[] = "ini/passthrough.ini";
    (void)state;

    fallible_sweep(&(struct fallible_sweep){"config", read_config, path, 3, 0, false, 0});
    fallible_sweep(
        &(struct fallible_sweep){"passthrough", read_config, passthrough, 3, 0, false, 0});
}

/* A configuration that is wrong is never taken, even if there is no memory to say so. */
static void read_wrong(void *context, bool well) {
    const char *path = context;
    struct config c;
    struct buf errors;

    buf_init(&errors);
    int err = config_init(&c, &errors);
    if (!err) {
        err = config_read_file(&c, path);
        int later = config_check(&c);
        err = err ? err : later;
    }
    if (well)
        assert_int_equal(err, ERR_INVALID);
    else
        assert_true(err == ERR_NO_MEMORY || err == ERR_INVALID);
    config_fini(&c);
    buf_fini(&errors);
}

static void put(struct folder *folder, const char *name, struct str text) {
    assert_int_equal(file_write(path_in(folder, name), text, 0600, FILE_NEW), 0);
}

static void configuration_of_several_files(void **state) {
    struct folder *folder = *state;
    char path[128];

    put(folder, "dev.ini", STR("include = a*\n[server s]\nlisten = :1, x\nlisten = :1\n"));
    put(folder, "a1", STR("[gateway]\nlog-level = info\n[route r]\nupstream = u\ninclude = b\n"));
    put(folder, "a2", STR("include = dev.ini\n[gateway]\nlog-level = warn\n[server s]\n"));
    snprintf(path, sizeof path, "%s", path_in(folder, "dev.ini"));
    fallible_sweep(&(struct fallible_sweep){"wrong config", read_wrong, path, 8, 0, false, 0});
}

static void read_flags(void *context, bool well) {
    char *argv[] = {"--listen", "localhost:8443", "--host=a.test",     "--host",
                    "b.test",   "--upstream",     "http://127.0.0.1:1"};
    struct config_flags flags;
    struct config c;
    struct args args;
    struct buf errors;
    (void)context;

    config_flags_init(&flags);
    buf_init(&errors);
    int err = args_parse(&args, &flags.table, 7, argv, &errors);
    judge(err, well);
    if (!err) {
        err = config_init(&c, &errors);
        if (!err)
            err = config_read_flags(&c, &args, false);
        if (!err)
            err = config_check(&c);
        judge(err, well);
        config_fini(&c);
        args_fini(&args);
    }
    buf_fini(&errors);
}

static void flags(void **state) {
    (void)state;
    fallible_sweep(&(struct fallible_sweep){"flags", read_flags, NULL, 3, 0, false, 0});
}

/* ---- certificates ---- */

static void make_leaf(void *context, bool well) {
    static const struct str names[] = {{"localhost", 9}, {"::1", 3}};
    struct store_wish wish = {names, 2, 1800000000};
    struct folder *folder = NULL;
    struct ca ca;
    struct store_leaf leaf;
    struct buf message;
    (void)context;

    assert_int_equal(folder_set_up((void **)&folder), 0);
    buf_init(&message);
    int err = ca_open(&(struct ca_wish){folder->path, "me@here", 1800000000}, &ca, &message);
    judge(err, well);
    if (!err) {
        buf_reset(&message);
        err = store_get(&ca, &wish, &leaf, &message);
        judge(err, well);
        if (!err)
            store_leaf_fini(&leaf);
        ca_fini(&ca);
    }
    buf_fini(&message);
    assert_int_equal(folder_tear_down((void **)&folder), 0);
}

static void certificates(void **state) {
    (void)state;
    fallible_sweep(&(struct fallible_sweep){"certificates", make_leaf, NULL, 20, 0, false, 0});
}

static void make_contexts(void *context, bool well) {
    char problem[200] = "";
    struct tls_context *server = NULL, *client = NULL;
    struct tls_server shown = {.cert_pem = str_of(local_crt), .key_pem = str_of(local_key)};
    struct tls_server_config config = {.alpn = "h2", .servers = &shown, .n_servers = 1};
    struct tls_client_config asking = {.alpn = "h2", .ca_pem = str_of(ca_crt)};
    (void)context;

    int err = tls_server_context_new(&config, &server, problem, sizeof(problem));
    judge(err == ERR_TLS ? ERR_NO_MEMORY : err, well);
    if (!err)
        tls_context_free(server);
    err = tls_client_context_new(&asking, &client, problem, sizeof(problem));
    judge(err == ERR_TLS ? ERR_NO_MEMORY : err, well);
    if (!err)
        tls_context_free(client);
}

static void contexts(void **state) {
    (void)state;
    fallible_sweep(&(struct fallible_sweep){"TLS contexts", make_contexts, NULL, 3, 0, false, 0});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configuration), FOLDER_TEST(configuration_of_several_files),
        cmocka_unit_test(flags),         cmocka_unit_test(certificates),
        cmocka_unit_test(contexts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
