/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "command/ask.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/err.h"
#include "sys/place.h"

/* HTTP/1.0 is enough: one question, and the answer ends with the connection. */

enum { MOST_ANSWER = 64 << 20 };

static int complain(const struct ask *a, const char *what, const char *why) {
    fprintf(stderr, "h3gw %s: %s%s%s\n", a->command, what, *why ? ": " : "", why);
    return ERR_NOT_FOUND;
}

/* ---- one connection ---- */

/* -1: errno says why. */
static int connect_to(const struct addr *to) {
    int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int number;

    if (fd < 0 || connect(fd, &to->sa, to->n) == 0)
        return fd;
    number = errno;
    close(fd);
    errno = number;
    return -1;
}

static bool send_all(int fd, struct str s) {
    while (s.n > 0) {
        ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        s = (struct str){s.p + n, s.n - (size_t)n};
    }
    return true;
}

static bool receive_all(int fd, struct buf *to) {
    char bytes[16384];
    ssize_t n;

    do {
        n = recv(fd, bytes, sizeof bytes, 0);
        if (n > 0)
            buf_add(to, bytes, (size_t)n);
    } while ((n > 0 && to->n < MOST_ANSWER && !to->failed) || (n < 0 && errno == EINTR));
    return n == 0 && !to->failed;
}

/* "HTTP/1.1 200 OK": 0 when it is none. */
static int status_of(struct str head) {
    struct str word, status;
    uint64_t number;

    if (!str_cut(&head, ' ', &word) || !str_starts(word, STR("HTTP/1.")) ||
        !str_cut(&head, ' ', &status) || str_to_u64(status, &number) || number > 599)
        return 0;
    return (int)number;
}

/* Is there as much as the head says? */
static bool is_whole(struct str head, struct str body) {
    struct str line;
    uint64_t n;

    while (str_cut(&head, '\n', &line)) {
        struct str name;
        if (!str_cut(&line, ':', &name) || !str_ieq(name, STR("content-length")))
            continue;
        line = str_trim(line);
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        return !str_to_u64(line, &n) && n == body.n;
    }
    return true;
}

/* The status, or a negative err. */
static int read_answer(const struct buf *answer, struct buf *body) {
    const char *end = answer->n ? memmem(answer->p, answer->n, "\r\n\r\n", 4) : NULL;

    if (!end)
        return ERR_CLOSED;
    struct str head = {(const char *)answer->p, (size_t)(end - (const char *)answer->p)};
    struct str rest = {end + 4, answer->n - head.n - 4};
    int status = status_of(head);
    if (!status || !is_whole(head, rest))
        return ERR_CLOSED;
    buf_str(body, rest);
    return body->failed ? ERR_NO_MEMORY : status;
}

static int talk(const struct addr *to, const char *method, const char *path, struct buf *body) {
    struct buf request, answer;
    int fd = connect_to(to), err = ERR_REFUSED;

    if (fd < 0)
        return err;
    buf_init(&request);
    buf_init(&answer);
    buf_format(&request, "%s %s HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", method,
               path);
    if (request.failed)
        err = ERR_NO_MEMORY;
    else if (send_all(fd, buf_view(&request)) && receive_all(fd, &answer))
        err = read_answer(&answer, body);
    else
        err = ERR_CLOSED;
    close(fd);
    buf_fini(&request);
    buf_fini(&answer);
    return err;
}

/* ---- who runs ---- */

static bool is_socket_name(const char *name) {
    struct str s = str_of(name);
    uint64_t pid;

    return str_ends(s, STR(".sock")) && !str_to_u64((struct str){s.p, s.n - 5}, &pid);
}

/* A socket whose gateway was killed is of no more use to anybody. */
static bool answers(const struct addr *a) {
    int fd = connect_to(a);

    if (fd < 0 && errno == ECONNREFUSED)
        unlink(a->un.sun_path);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static int socket_addr(struct str folder, const char *name, struct addr *ret_addr) {
    struct buf path;
    int err;

    buf_init(&path);
    buf_format(&path, "unix:" STR_FMT "/%s", STR_ARG(folder), name);
    err = path.failed ? ERR_NO_MEMORY : addr_parse(buf_view(&path), ret_addr);
    buf_fini(&path);
    return err;
}

static struct str without_newline(const struct buf *line) {
    struct str s = buf_view(line);

    if (str_ends(s, STR("\n")))
        s.n--;
    return s;
}

static void list_one(const struct addr *a, struct buf *to) {
    struct buf who;

    buf_init(&who);
    if (talk(a, "GET", "/gateway", &who) == 200)
        buf_format(to, "  --admin " STR_FMT "  (%s)\n", STR_ARG(without_newline(&who)),
                   a->un.sun_path);
    buf_fini(&who);
}

/* How many answer; the last of them. */
static size_t look_around(struct str folder, struct addr *ret_addr, struct buf *list) {
    DIR *d = opendir(folder.p);
    struct dirent *e;
    size_t n = 0;

    while (d && (e = readdir(d))) {
        struct addr a;
        if (!is_socket_name(e->d_name) || socket_addr(folder, e->d_name, &a) || !answers(&a))
            continue;
        *ret_addr = a;
        n++;
        list_one(&a, list);
    }
    if (d)
        closedir(d);
    return n;
}

static int find_running(const struct ask *a, struct str folder, struct addr *ret_addr) {
    struct buf list;
    size_t n;

    buf_init(&list);
    n = look_around(folder, ret_addr, &list);
    if (n == 0)
        complain(a,
                 a->needs_none
                     ? "no gateway of yours is running: start one with h3gw serve, name a "
                       "configuration with --config FILE, or another's admin with --admin"
                     : "no gateway of yours is running: start one with h3gw serve, or "
                       "name another's admin with --admin",
                 "");
    else if (n > 1)
        fprintf(stderr, "h3gw %s: %zu gateways are running, say which:\n" STR_FMT, a->command, n,
                STR_ARG(buf_view(&list)));
    buf_fini(&list);
    return n == 1 ? 0 : ERR_NOT_FOUND;
}

static int find_by_pid(const struct ask *a, struct str folder, struct addr *ret_addr) {
    char name[64];

    snprintf(name, sizeof name, "%s.sock", a->where);
    if (!socket_addr(folder, name, ret_addr) && answers(ret_addr))
        return 0;
    return complain(a, "no gateway of yours has this process id", a->where);
}

static int find(const struct ask *a, struct addr *ret_addr) {
    struct buf folder;
    uint64_t pid;
    bool by_pid = a->where && !str_to_u64(str_of(a->where), &pid);
    int err;

    if (a->where && !by_pid) {
        if (!addr_parse(str_of(a->where), ret_addr) && !str_starts(str_of(a->where), STR(":")))
            return 0;
        complain(a, "--admin is ADDR:PORT, unix:PATH or a process id, not", a->where);
        return ERR_INVALID;
    }
    buf_init(&folder);
    err = place_runtime(getenv, &folder);
    if (err)
        complain(a, "the folder of the admin sockets cannot be used",
                 folder.p ? (const char *)folder.p : err_text(err));
    else
        err = by_pid ? find_by_pid(a, buf_view(&folder), ret_addr)
                     : find_running(a, buf_view(&folder), ret_addr);
    buf_fini(&folder);
    return err;
}

/* ---- asking ---- */

static int ask_at(const struct ask *a, const struct addr *to, const char *const request[2],
                  struct buf *body) {
    char text[ADDR_TEXT];
    int status = talk(to, request[0], request[1], body);

    if (status == ERR_REFUSED)
        complain(a, addr_text(to, text), strerror(errno));
    else if (status < 0)
        complain(a, addr_text(to, text), "the gateway's answer was cut off");
    return status;
}

int ask(const struct ask *a, const char *method, const char *path, struct buf *body) {
    const char *const request[] = {method, path};
    struct addr to = {0};
    int err = find(a, &to);

    return err ? err : ask_at(a, &to, request, body);
}

/* A descriptor that becomes readable when the gateway has ended; -1: it is not of this machine, or
 * the kernel is older than 5.3. */
static int watch_process(const struct addr *to) {
    struct buf who;
    struct str rest, word = {0};
    uint64_t pid;
    int fd = -1;

    buf_init(&who);
    if (talk(to, "GET", "/gateway", &who) == 200) {
        rest = buf_view(&who);
        if (str_cut(&rest, ' ', &word) && !str_to_u64(word, &pid))
            fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    }
    buf_fini(&who);
    return fd;
}

static void wait_for_process(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLIN};

    while (poll(&p, 1, -1) < 0 && errno == EINTR)
        ;
    close(fd);
}

/* Holds a connection until the other end goes; one that was only idle for too long is made anew. */
static void wait_for_close(const struct addr *to) {
    struct str request = STR("GET /gateway HTTP/1.1\r\nHost: localhost\r\n\r\n");
    int fd;

    while ((fd = connect_to(to)) >= 0) {
        struct buf answer;
        buf_init(&answer);
        if (send_all(fd, request))
            (void)receive_all(fd, &answer);
        close(fd);
        buf_fini(&answer);
    }
}

int ask_to_end(const struct ask *a, const char *method, const char *path, struct buf *body) {
    const char *const request[] = {method, path};
    struct addr to = {0};
    int err = find(a, &to);
    int fd = err ? -1 : watch_process(&to);
    int status = err ? err : ask_at(a, &to, request, body);

    if (status == 202 && fd >= 0)
        wait_for_process(fd);
    else if (status == 202)
        wait_for_close(&to);
    else if (fd >= 0)
        close(fd);
    return status;
}
