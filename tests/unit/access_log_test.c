/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "exchange_fakes.h"
#include "folder.h"
#include "gateway/outfit.h"
#include "http/reply.h"
#include "sys/file.h"

struct logging {
    struct folder *folder;
    struct world w;
    struct fake_front front;
    struct peer peer;
    struct worker worker;
    struct outfit outfit;
    struct config config;
    struct log log;
    struct buf errors, told, lines;
    char path[128];
};

static void tell(struct log *log, enum log_level level, const char *line, size_t n) {
    struct logging *l = log->context;

    (void)level;
    buf_add(&l->told, line, n);
    buf_char(&l->told, '\n');
}

static void answer(struct exchange *x) {
    x->upstream_name = STR("http://127.0.0.1:3000");
    turn_begin(x->env->turn, 1000 * SECOND_NS + UINT64_C(1234567), 784111777);
    reply(x, 200, STR(""), STR("hello"));
}

static int set_up(void **state) {
    struct logging *l = test_calloc(1, sizeof *l);

    world_start(&l->w);
    l->w.hooks[0] = &access_log_hook;
    l->w.env.route = answer;
    l->outfit.worker = &l->worker;
    l->w.env.owner = &l->outfit;
    l->log = (struct log){.level = LOG_WARN, .write = tell, .context = l};
    buf_init(&l->errors);
    buf_init(&l->told);
    buf_init(&l->lines);
    assert_int_equal(config_init(&l->config, &l->errors), 0);
    if (folder_set_up((void **)&l->folder))
        return -1;
    strcpy(l->path, path_in(l->folder, "access.log"));
    l->config.access_log_given = true;
    l->config.gateway.access_log = str_of(l->path);
    turn_begin(&l->w.turn, 1000 * SECOND_NS, 784111777);
    access_log_init(&l->worker.access_log, &l->w.turn, &l->log);
    l->peer.version = HTTP_3;
    assert_int_equal(addr_parse(STR("192.0.2.7:5555"), &l->peer.remote), 0);
    *state = l;
    return 0;
}

static int tear_down(void **state) {
    struct logging *l = *state;

    access_log_fini(&l->worker.access_log);
    config_fini(&l->config);
    buf_fini(&l->errors);
    buf_fini(&l->told);
    buf_fini(&l->lines);
    world_end(&l->w);
    int err = folder_tear_down((void **)&l->folder);
    test_free(l);
    return err;
}

static void open_log(struct logging *l) {
    struct access_log_target to;

    assert_int_equal(access_log_target_open(&to, &l->config, &l->log), 0);
    access_log_use(&l->worker.access_log, &to);
}

static struct exchange *begin(struct logging *l) {
    fake_front_start(&l->w, &l->front, "GET", STR(""));
    struct exchange *x = l->front.end.x;
    x->peer = &l->peer;
    x->request.path = STR("/a?b");
    return x;
}

static void finish(struct logging *l) {
    world_run(&l->w);
    fake_front_end(&l->front);
}

static void assert_lines(struct logging *l, const char *wanted) {
    buf_reset(&l->lines);
    assert_int_equal(file_read(l->path, 100000, &l->lines), 0);
    assert_string_equal(l->lines.p ? (char *)l->lines.p : "", wanted);
}

static void one_line_a_request(void **state) {
    struct logging *l = *state;
    struct exchange *x;

    open_log(l);
    x = begin(l);
    assert_int_equal(fields_add(&x->request.fields, STR("referer"), STR("https://r/")), 0);
    assert_int_equal(fields_add(&x->request.fields, STR("user-agent"), STR("me")), 0);
    finish(l);
    begin(l);
    finish(l);
    assert_lines(l, "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/3.0\" 200 5 "
                    "\"https://r/\" \"me\" 1.234ms example.org http://127.0.0.1:3000\n"
                    "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/3.0\" 200 5 "
                    "\"-\" \"-\" 0.000ms example.org http://127.0.0.1:3000\n");
}

/* Nothing that a peer says can begin a line or end a quote. */
static void peers_are_escaped(void **state) {
    struct logging *l = *state;
    struct exchange *x;

    open_log(l);
    x = begin(l);
    x->request.path = STR("/\xc3\xbc\"\n");
    x->request.authority = STR("");
    assert_int_equal(fields_add(&x->request.fields, STR("user-agent"), STR("a\\b\"c\x1b[0m")), 0);
    finish(l);
    assert_lines(l, "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /\\xc3\\xbc\\x22\\x0a "
                    "HTTP/3.0\" 200 5 \"-\" \"a\\x5cb\\x22c\\x1b[0m\" 1.234ms - "
                    "http://127.0.0.1:3000\n");
}

/* A route may have sent it elsewhere: told is what the client asked for. */
static void a_rewritten_path(void **state) {
    struct logging *l = *state;

    open_log(l);
    begin(l)->client_path = STR("/theirs");
    finish(l);
    assert_lines(l, "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /theirs HTTP/3.0\" 200 5 "
                    "\"-\" \"-\" 1.234ms example.org http://127.0.0.1:3000\n");
}

static void json_lines(void **state) {
    struct logging *l = *state;
    struct exchange *x;

    l->config.gateway.access_log_format = 1;
    l->peer.tls_version = "TLSv1.3";
    l->peer.cipher = "TLS_AES_128_GCM_SHA256";
    open_log(l);
    x = begin(l);
    x->route_name = STR("all");
    x->request_id = STR("7");
    x->upstream_ns = 1000 * SECOND_NS;
    assert_int_equal(fields_add(&x->request.fields, STR("user-agent"), STR("a\"\\\x1b\xff")), 0);
    finish(l);
    assert_lines(
        l, "{\"time\":\"1994-11-06T08:49:37Z\",\"client\":\"192.0.2.7\",\"method\":\"GET\","
           "\"path\":\"/a?b\",\"authority\":\"example.org\",\"protocol\":\"HTTP/3.0\","
           "\"status\":200,\"bytes_in\":0,\"bytes_out\":5,\"duration_ms\":1.234,"
           "\"upstream\":\"http://127.0.0.1:3000\",\"upstream_ms\":1.234,\"route\":\"all\","
           "\"request_id\":\"7\",\"user_agent\":\"a\\\"\\\\\\u001B\xef\xbf\xbd\",\"referer\":null,"
           "\"reason\":null,\"tls_version\":\"TLSv1.3\",\"tls_cipher\":"
           "\"TLS_AES_128_GCM_SHA256\"}\n");
}

static void one_request(struct logging *l) {
    begin(l);
    finish(l);
}

static size_t lines_in(struct logging *l, const char *name) {
    size_t n = 0;

    buf_reset(&l->lines);
    assert_int_equal(file_read(path_in(l->folder, name), 100000, &l->lines), 0);
    for (size_t i = 0; i < l->lines.n; i++)
        n += l->lines.p[i] == '\n';
    return n;
}

static void move_away(struct logging *l) {
    char to[sizeof l->path];

    strcpy(to, path_in(l->folder, "old.log"));
    assert_int_equal(rename(l->path, to), 0);
}

/* Within the second that it was looked at, the old one is written on. */
static void a_renamed_file(void **state) {
    struct logging *l = *state;

    open_log(l);
    one_request(l);
    move_away(l);
    one_request(l);
    assert_int_equal(lines_in(l, "old.log"), 2);
    turn_begin(&l->w.turn, 1002 * SECOND_NS, 784111777);
    one_request(l);
    assert_int_equal(lines_in(l, "old.log"), 2);
    assert_int_equal(lines_in(l, "access.log"), 1);
}

static void opened_anew(void **state) {
    struct logging *l = *state;

    open_log(l);
    one_request(l);
    move_away(l);
    access_log_reopen(&l->worker.access_log);
    one_request(l);
    assert_int_equal(lines_in(l, "old.log"), 1);
    assert_int_equal(lines_in(l, "access.log"), 1);
}

static void cannot_be_opened_anew(void **state) {
    struct logging *l = *state;

    open_log(l);
    free(l->worker.access_log.to.path);
    l->worker.access_log.to.path = strdup("/no/such/folder/log");
    access_log_reopen(&l->worker.access_log);
    access_log_reopen(&l->worker.access_log);
    assert_string_equal((char *)l->told.p,
                        "access log /no/such/folder/log: No such file or directory; the file as it "
                        "was is written on\n");
    one_request(l);
    assert_int_equal(lines_in(l, "access.log"), 1);
}

/* After a reload. */
static void another_file(void **state) {
    struct logging *l = *state;
    char other[160];

    open_log(l);
    one_request(l);
    snprintf(other, sizeof other, "%s.other", l->path);
    l->config.gateway.access_log = str_of(other);
    open_log(l);
    one_request(l);
    assert_int_equal(lines_in(l, "access.log"), 1);
    assert_int_equal(lines_in(l, "access.log.other"), 1);
}

/* No response was begun: the status is that of the reason, and the reason is told. */
static void a_reset(void **state) {
    struct logging *l = *state;

    open_log(l);
    begin(l);
    exchange_reset(&l->front.end, REASON_CLIENT_CANCEL);
    finish(l);
    assert_lines(l, "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/3.0\" 499 0 "
                    "\"-\" \"-\" 0.000ms example.org - CLIENT_CANCEL\n");
}

/* What was never sent is not counted. */
static void a_response_that_was_cut(void **state) {
    struct logging *l = *state;

    open_log(l);
    begin(l);
    l->front.takes_nothing = true;
    world_run(&l->w);
    exchange_reset(&l->front.end, REASON_CLIENT_GONE);
    finish(l);
    assert_lines(l, "192.0.2.7 - - [06/Nov/1994:08:49:37 +0000] \"GET /a?b HTTP/3.0\" 200 0 "
                    "\"-\" \"-\" 1.234ms example.org http://127.0.0.1:3000 CLIENT_GONE\n");
}

static void off(void **state) {
    struct logging *l = *state;

    l->config.gateway.access_log = STR("off");
    open_log(l);
    begin(l);
    finish(l);
    assert_int_equal(l->worker.access_log.to.fd, -1);
    assert_false(file_exists(l->path));
}

static void a_full_disk(void **state) {
    struct logging *l = *state;

    l->config.gateway.access_log = STR("/dev/full");
    open_log(l);
    for (int i = 0; i < 3; i++) {
        begin(l);
        finish(l);
    }
    assert_string_equal((char *)l->told.p, "access log: No space left on device; lines are lost "
                                           "until it can be written again\n");
}

static void no_such_folder(void **state) {
    struct logging *l = *state;
    struct access_log_target to;

    l->config.gateway.access_log = STR("/no/such/folder/log");
    assert_int_equal(access_log_target_open(&to, &l->config, &l->log), ERR_SYSTEM);
    assert_int_equal(to.fd, -1);
    assert_string_equal((char *)l->told.p,
                        "access log /no/such/folder/log: No such file or directory\n");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_line_a_request),
        TEST(peers_are_escaped),
        TEST(a_reset),
        TEST(a_response_that_was_cut),
        TEST(off),
        TEST(a_full_disk),
        TEST(no_such_folder),
        TEST(a_rewritten_path),
        TEST(json_lines),
        TEST(a_renamed_file),
        TEST(opened_anew),
        TEST(another_file),
        TEST(cannot_be_opened_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
