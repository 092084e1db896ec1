/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "folder.h"
#include "gateway/qlog.h"
#include "sys/file.h"

struct keeping {
    struct folder *folder;
    struct turn turn;
    struct log log;
    struct buf told;
    struct qlog qlog;
    char path[128];
};

static void tell(struct log *log, enum log_level level, const char *line, size_t n) {
    struct keeping *k = log->context;

    (void)level;
    buf_add(&k->told, line, n);
    buf_char(&k->told, '\n');
}

static int set_up(void **state) {
    struct keeping *k = test_calloc(1, sizeof *k);

    if (folder_set_up((void **)&k->folder))
        return -1;
    strcpy(k->path, path_in(k->folder, "a/b"));
    turn_init(&k->turn);
    buf_init(&k->told);
    k->log = (struct log){.level = LOG_WARN, .write = tell, .context = k};
    qlog_init(&k->qlog, &k->turn, &k->log);
    *state = k;
    return 0;
}

static int tear_down(void **state) {
    struct keeping *k = *state;

    qlog_fini(&k->qlog);
    turn_run(&k->turn, SIZE_MAX);
    turn_fini(&k->turn);
    buf_fini(&k->told);
    int err = folder_tear_down((void **)&k->folder);
    test_free(k);
    return err;
}

static void open_folder(struct keeping *k) {
    assert_int_equal(qlog_open(&k->qlog, str_of(k->path)), 0);
    assert_ptr_equal(qlog_keeper(&k->qlog), &k->qlog.keeper);
}

static void *begin(struct keeping *k, const char *id) {
    void *trace = k->qlog.keeper.begin(&k->qlog.keeper, (const uint8_t *)id, strlen(id));

    assert_non_null(trace);
    return trace;
}

static void record(struct keeping *k, void *trace, const char *text) {
    k->qlog.keeper.write(trace, text, strlen(text));
}

static void end(struct keeping *k, void *trace) {
    k->qlog.keeper.end(trace, true);
}

static const char *path_of(struct keeping *k, const char *name) {
    char path[64];

    snprintf(path, sizeof path, "a/b/%s.sqlog", name);
    return path_in(k->folder, path);
}

static void assert_file(struct keeping *k, const char *name, const char *wanted) {
    struct buf text;

    buf_init(&text);
    assert_int_equal(file_read(path_of(k, name), 1000000, &text), 0);
    assert_string_equal(text.p ? (char *)text.p : "", wanted);
    buf_fini(&text);
}

static void off_when_nothing_is_said(void **state) {
    struct keeping *k = *state;

    assert_int_equal(qlog_open(&k->qlog, STR("")), 0);
    assert_null(qlog_keeper(&k->qlog));
}

static void the_folder_is_made(void **state) {
    struct keeping *k = *state;
    struct stat about;

    open_folder(k);
    assert_int_equal(stat(k->path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0700);
    assert_int_equal(qlog_open(&k->qlog, str_of(k->path)), 0);
}

static void a_folder_that_cannot_be(void **state) {
    struct keeping *k = *state;
    char wanted[300];
    const char *path = path_in(k->folder, "file");

    assert_int_equal(file_write(path, STR("x"), 0600, FILE_NEW), 0);
    assert_int_equal(qlog_open(&k->qlog, str_of(path)), ERR_SYSTEM);
    assert_null(qlog_keeper(&k->qlog));
    snprintf(wanted, sizeof wanted,
             "qlog %s: Not a directory; name a folder that can be written, or a new one\n", path);
    assert_string_equal((char *)k->told.p, wanted);
}

static void a_turn_is_written_at_its_end(void **state) {
    struct keeping *k = *state;
    struct stat about;

    open_folder(k);
    void *one = begin(k, "\1\xff"), *other = begin(k, "\2");
    record(k, one, "head\n");
    record(k, other, "other\n");
    record(k, one, "more\n");
    assert_false(file_exists(path_of(k, "01ff")));
    turn_run(&k->turn, SIZE_MAX);
    assert_file(k, "01ff", "head\nmore\n");
    assert_file(k, "02", "other\n");
    assert_int_equal(stat(path_of(k, "02"), &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    record(k, one, "last\n");
    end(k, one);
    end(k, other);
    assert_file(k, "01ff", "head\nmore\nlast\n");
    assert_int_equal(k->told.n, 0);
}

static void much_is_written_at_once(void **state) {
    struct keeping *k = *state;
    char line[4001] = "";
    struct stat about;

    open_folder(k);
    memset(line, 'x', sizeof line - 1);
    void *trace = begin(k, "\1");
    for (int i = 0; i < 10; i++)
        record(k, trace, line);
    assert_int_equal(stat(path_of(k, "01"), &about), 0);
    assert_int_equal(about.st_size, 8 * 4000);
    end(k, trace);
    assert_int_equal(stat(path_of(k, "01"), &about), 0);
    assert_int_equal(about.st_size, 10 * 4000);
}

static void noise_leaves_no_file(void **state) {
    struct keeping *k = *state;
    int before = dup(0);

    close(before);
    open_folder(k);
    void *trace = begin(k, "\1");
    record(k, trace, "head\n");
    k->qlog.keeper.end(trace, false);
    turn_run(&k->turn, SIZE_MAX);
    assert_false(file_exists(path_of(k, "01")));
    end(k, begin(k, "\2"));
    assert_false(file_exists(path_of(k, "02")));
    int after = dup(0);
    close(after);
    assert_int_equal(before, after);
}

/* Two connections with the same id are nobody's that is honest. */
static void what_is_there_stays(void **state) {
    struct keeping *k = *state;

    open_folder(k);
    void *first = begin(k, "\1"), *second = begin(k, "\1");
    record(k, first, "first\n");
    turn_run(&k->turn, SIZE_MAX);
    record(k, second, "second\n");
    turn_run(&k->turn, SIZE_MAX);
    record(k, second, "second\n");
    end(k, second);
    end(k, first);
    assert_file(k, "01", "first\n");
    assert_int_equal(k->told.n, 0);
}

static void allow_files_of(rlim_t bytes) {
    struct rlimit limit = {bytes, RLIM_INFINITY};

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A limit of the file's size stands for the disk. */
static void a_full_disk_is_told_once(void **state) {
    struct keeping *k = *state;

    signal(SIGXFSZ, SIG_IGN);
    open_folder(k);
    void *one = begin(k, "\1"), *two = begin(k, "\2");
    allow_files_of(5);
    record(k, one, "head of one\n");
    record(k, two, "head of two\n");
    turn_run(&k->turn, SIZE_MAX);
    record(k, one, "lost\n");
    end(k, one);
    allow_files_of(RLIM_INFINITY);
    record(k, two, "lost too\n");
    end(k, two);
    assert_file(k, "01", "head ");
    assert_file(k, "02", "head ");
    assert_non_null(strstr((char *)k->told.p, "/01.sqlog: File too large; "));
    assert_ptr_equal(strchr((char *)k->told.p, '\n'), k->told.p + k->told.n - 1);
    void *three = begin(k, "\3");
    record(k, three, "head of three\n");
    end(k, three);
    assert_file(k, "03", "head of three\n");
    assert_false(k->qlog.failing);
}

#define QLOG_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        QLOG_TEST(off_when_nothing_is_said), QLOG_TEST(the_folder_is_made),
        QLOG_TEST(a_folder_that_cannot_be),  QLOG_TEST(a_turn_is_written_at_its_end),
        QLOG_TEST(much_is_written_at_once),  QLOG_TEST(noise_leaves_no_file),
        QLOG_TEST(what_is_there_stays),      QLOG_TEST(a_full_disk_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
