/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sys/sock.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

/* For each upstream that has stopped reading the kernel would hold 4 MiB (tcp_wmem), beside what
 * we count. Towards clients, 10 MiB in more and smaller pieces would cost 15 % more CPU time. */
enum { BACKLOG = 1024, UNSENT_BYTES = 256 * 1024 };

int sock_err(int number) {
    switch (number) {
    case 0: return 0;
    case EADDRINUSE: return ERR_EXISTS;
    case EACCES:
    case EPERM:
    case ECONNREFUSED: return ERR_REFUSED;
    case ENOENT: return ERR_REFUSED; /* a unix socket that is not there: nobody listens */
    case ETIMEDOUT: return ERR_TIMEOUT;
    case EAFNOSUPPORT: return ERR_UNSUPPORTED;
    case ENOMEM: return ERR_NO_MEMORY;
    default: return ERR_SYSTEM;
    }
}

/* Keeps errno, as callers tell it. */
static int fail(int fd) {
    int number = errno;
    if (fd >= 0)
        close(fd);
    errno = number;
    return sock_err(number);
}

static bool set(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* Accepted sockets have it from the listening one. Refused for unix sockets, and needless there. */
static void no_delay(int fd) {
    (void)set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

static int open_bound(const struct sock_bind *b, bool reuse_port, int *ret_fd) {
    int family = b->addr.sa.sa_family;
    int fd = socket(family, b->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(fd);
    if (family == AF_INET6 && !set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1))
        return fail(fd);
    /* For UDP this would share the port with anybody who says the same. */
    if (b->type == SOCK_STREAM && family != AF_UNIX && !set(fd, SOL_SOCKET, SO_REUSEADDR, 1))
        return fail(fd);
    if (reuse_port && !set(fd, SOL_SOCKET, SO_REUSEPORT, 1))
        return fail(fd);
    /* A socket's file gets these: whoever may connect may command. */
    if (family == AF_UNIX && fchmod(fd, 0600) != 0)
        return fail(fd);
    if (bind(fd, &b->addr.sa, b->addr.n) != 0)
        return fail(fd);
    *ret_fd = fd;
    return 0;
}

static int probe(const struct sock_bind *b) {
    int fd = -1;
    int err = open_bound(b, false, &fd);
    if (err == 0)
        close(fd);
    return err;
}

/* A socket's file whose process was killed. */
static bool is_left_over(const struct addr *a) {
    struct stat about;
    bool refused = false;
    int fd = -1;
    if (a->sa.sa_family != AF_UNIX || lstat(a->un.sun_path, &about) != 0 ||
        !S_ISSOCK(about.st_mode))
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        refused = connect(fd, &a->sa, a->n) != 0 && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return refused;
}

int sock_bind(const struct sock_bind *b, int *ret_fd) {
    int fd = -1, err = 0;
    if (b->reuse_port && !b->sibling && addr_port(&b->addr) != 0)
        err = probe(b);
    if (err == 0)
        err = open_bound(b, b->reuse_port, &fd);
    if (err == ERR_EXISTS && is_left_over(&b->addr) && unlink(b->addr.un.sun_path) == 0)
        err = open_bound(b, b->reuse_port, &fd);
    if (err != 0)
        return err;
    if (b->type == SOCK_STREAM) {
        no_delay(fd);
        if (listen(fd, BACKLOG) != 0)
            return fail(fd);
    }
    *ret_fd = fd;
    return 0;
}

int sock_connect(const struct addr *to, int *ret_fd) {
    int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(fd);
    no_delay(fd);
    (void)set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_BYTES);
    int err = connect(fd, &to->sa, to->n) == 0 ? 0 : errno == EINPROGRESS ? ERR_AGAIN : fail(fd);
    if (err == 0 || err == ERR_AGAIN)
        *ret_fd = fd;
    return err;
}

int sock_error(int fd) {
    int number = 0;
    socklen_t n = sizeof(number);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &n) == 0 ? number : errno;
}

bool sock_is_over(int fd) {
    struct pollfd p = {.fd = fd};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLHUP);
}

static void name(int fd, int (*get)(int, struct sockaddr *, socklen_t *), struct addr *ret_addr) {
    memset(ret_addr, 0, sizeof(*ret_addr));
    socklen_t n = sizeof(ret_addr->un);
    if (get(fd, &ret_addr->sa, &n) == 0)
        ret_addr->n = n;
}

static int get_local(int fd, struct sockaddr *sa, socklen_t *n) {
    return getsockname(fd, sa, n);
}

static int get_remote(int fd, struct sockaddr *sa, socklen_t *n) {
    return getpeername(fd, sa, n);
}

void sock_names(int fd, struct addr *ret_local, struct addr *ret_remote) {
    if (ret_local)
        name(fd, get_local, ret_local);
    if (ret_remote)
        name(fd, get_remote, ret_remote);
}

/* A long header (RFC 8999 5.1) has version and length before the id, a short one nothing.
 * A datagram too short for that goes to the first socket. */
int sock_steer_quic(int fd, uint32_t workers) {
    struct sock_filter code[] = {
        {BPF_LD | BPF_B | BPF_ABS, 0, 0, 0}, {BPF_JMP | BPF_JSET | BPF_K, 0, 2, 0x80},
        {BPF_LD | BPF_B | BPF_ABS, 0, 0, 6}, {BPF_JMP | BPF_JA, 0, 0, 1},
        {BPF_LD | BPF_B | BPF_ABS, 0, 0, 1}, {BPF_ALU | BPF_MOD | BPF_K, 0, 0, workers},
        {BPF_RET | BPF_A, 0, 0, 0},
    };
    struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
    if (workers == 0)
        return ERR_INVALID;
    int bad = setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof(program));
    return bad ? sock_err(errno) : 0;
}
