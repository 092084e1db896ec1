/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command/command.h"
#include "fallible.h"
#include "sys/file.h"
#include "unit/folder.h"
#include "wire/certs.h"
#include "wire/loopback.h"

/* The end of memory in the commands: done with all of its words, or word that it failed; never a
 * part. */

enum { TEXT = 65536 };

struct command {
    int (*run)(int argc, char **argv);
    char *argv[8];
    char *out, *err; /* files that its words go to */
    char right[TEXT];
    bool changes;       /* prints something else each time */
    const char *answer; /* of the server that is asked; NULL: there is none */
    int listening;
};

static int redirect(int fd, const char *path) {
    int before = dup(fd), to = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(before >= 0 && to >= 0);
    assert_int_equal(dup2(to, fd), fd);
    close(to);
    return before;
}

static void restore(int fd, int before) {
    (void)fflush(NULL);
    assert_int_equal(dup2(before, fd), fd);
    close(before);
}

static void read_words(const char *path, struct buf *to) {
    assert_int_equal(file_read(path, TEXT - 1, to), 0);
    buf_str(to, STR(""));
}

/* false: it asked nothing. */
static bool answer_one(const struct command *c) {
    char request[4096];
    int fd = accept(c->listening, NULL, NULL);
    size_t n = 0;
    ssize_t got;
    while (!memmem(request, n, "\r\n\r\n", 4) &&
           (got = recv(fd, request + n, sizeof(request) - n, 0)) > 0)
        n += (size_t)got;
    bool asked = memmem(request, n, "\r\n\r\n", 4);
    if (asked)
        (void)!send(fd, c->answer, strlen(c->answer), MSG_NOSIGNAL);
    close(fd);
    return asked;
}

/* Another process, so that its memory is its own; it ends after one answer. `stop` waits for that.
 */
static pid_t serve(const struct command *c) {
    pid_t child = c->answer ? fork() : 0;
    if (!c->answer || child > 0)
        return child;
    while (!answer_one(c))
        ;
    _exit(0);
}

static void end_server(const struct command *c, pid_t child) {
    int left;
    if (child <= 0)
        return;
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(fcntl(c->listening, F_SETFL, O_NONBLOCK), 0);
    while ((left = accept(c->listening, NULL, NULL)) >= 0)
        close(left);
    assert_int_equal(fcntl(c->listening, F_SETFL, 0), 0);
}

/* Fine with all of its words; or not, and a word says so. */
static void run_command(void *context, bool well) {
    struct command *c = context;
    struct buf out, err;
    int argc = 0;

    while (c->argv[argc])
        argc++;
    int out_before = redirect(STDOUT_FILENO, c->out), err_before = redirect(STDERR_FILENO, c->err);
    pid_t server = serve(c);
    int status = c->run(argc, c->argv);
    fallible_pause(true);
    end_server(c, server);
    restore(STDOUT_FILENO, out_before);
    restore(STDERR_FILENO, err_before);
    buf_init(&out);
    buf_init(&err);
    read_words(c->out, &out);
    read_words(c->err, &err);
    if (well && status != STATUS_FINE)
        fail_msg("status %d: %s", status, (const char *)err.p);
    if (status == STATUS_FINE && !c->changes)
        fallible_compare(&out, c->right, TEXT, well);
    else if (status != STATUS_FINE && err.n == 0)
        fail_msg("status %d without a word", status);
    buf_fini(&out);
    buf_fini(&err);
    fallible_pause(false);
}

static void put(struct folder *folder, const char *name, struct str text) {
    assert_int_equal(file_write(path_in(folder, name), text, 0600, FILE_NEW), 0);
}

static void sweep_with(struct folder *folder, const char *name, const struct command *wanted) {
    static struct command c;
    char out[128], err[128];

    snprintf(out, sizeof(out), "%s", path_in(folder, "out"));
    snprintf(err, sizeof(err), "%s", path_in(folder, "err"));
    c = *wanted;
    c.out = out;
    c.err = err;
    fallible_sweep(&(struct fallible_sweep){name, run_command, &c, 3, 0, false, 0});
}

static void sweep_command(struct folder *folder, int (*run)(int, char **), char *flag, char *more) {
    char file[128];

    snprintf(file, sizeof(file), "%s", path_in(folder, "dev.ini"));
    sweep_with(folder, "command", &(struct command){.run = run, .argv = {flag, file, more}});
}

static void commands(void **state) {
    struct folder *folder = *state;
    char config[] = "--config", dump[] = "--dump", json[] = "--output=json",
         wide[] = "--output=wide";

    put(folder, "dev.ini", STR("include = a*\n[server s]\nlisten = :8443\nhosts = a.test\n"));
    put(folder, "a1", STR("include = b\n[gateway]\nlog-level = warn\n[route r]\nupstream = u\n"));
    put(folder, "b", STR("[upstream u]\nurl = http://127.0.0.1:3000\n"));
    sweep_command(folder, command_check, config, dump);
    sweep_command(folder, command_check, config, NULL);
    sweep_command(folder, command_listeners, config, wide);
    sweep_command(folder, command_routes, config, json);
    sweep_command(folder, command_upstreams, config, NULL);
}

static void certs(void **state) {
    struct folder *folder = *state;
    char config[] = "--config", json[] = "--output=json", text[400], file[128], key[128];

    put(folder, "crt", str_of(local_crt));
    put(folder, "key", str_of(local_key));
    snprintf(file, sizeof(file), "%s", path_in(folder, "crt"));
    snprintf(key, sizeof(key), "%s", path_in(folder, "key"));
    snprintf(text, sizeof(text),
             "[server s]\nlisten = :8443\ncredential = c\n[credential c]\ncert = %s\nkey = %s\n"
             "[route r]\nrespond = 200\n",
             file, key);
    put(folder, "dev.ini", str_of(text));
    sweep_command(folder, command_certs, config, NULL);
    sweep_command(folder, command_certs, config, json);
}

static void certgen(void **state) {
    struct folder *folder = *state;
    char root[160], cert[160], key[160], force[] = "--force", name[] = "a.test", six[] = "::1",
                                         json[] = "--json";

    snprintf(root, sizeof(root), "--ca-root=%s", folder->path);
    snprintf(cert, sizeof(cert), "--cert-file=%s", path_in(folder, "made.pem"));
    snprintf(key, sizeof(key), "--key-file=%s", path_in(folder, "made-key.pem"));
    sweep_with(folder, "certgen",
               &(struct command){.run = command_certgen,
                                 .argv = {root, cert, key, force, json, name, six},
                                 .changes = true});
}

static void asking(void **state) {
    char admin[] = "--admin", where[64], url[64], verbose[] = "--verbose", data[] = "--data=text";
    struct command c = {.argv = {admin, where}};
    struct uri uri = loopback_listen("http", &c.listening);

    assert_int_equal(fcntl(c.listening, F_SETFL, 0), 0);
    snprintf(where, sizeof(where), "127.0.0.1:%u", (unsigned)uri.port);
    snprintf(url, sizeof(url), "http://%s/a", where);
    c.run = command_reload;
    c.answer = "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\ndone\n";
    sweep_with(*state, "reload", &c);
    c.run = command_listeners;
    c.answer = "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhere\n";
    sweep_with(*state, "listeners of a gateway", &c);
    c.run = command_get;
    c.argv[0] = verbose;
    c.argv[1] = data;
    c.argv[2] = url;
    c.answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    sweep_with(*state, "get", &c);
    close(c.listening);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(commands),
        FOLDER_TEST(certs),
        FOLDER_TEST(certgen),
        FOLDER_TEST(asking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
