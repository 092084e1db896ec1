/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The origin behind all servers of scripts/bench: HTTP/1.1 with keep-alive, one thread, cheap
 * enough never to be what is measured. /10m answers 10 MiB, all else 1 KiB; a request with a
 * body is answered when the body, with a length or chunked, has been thrown away.
 *
 *     backend PORT        on 127.0.0.1 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { INPUT = 65536, SMALL = 1024, LARGE = 10 << 20 };
enum where { HEAD, LENGTH, CHUNK_SIZE, CHUNK_DATA, CHUNK_TRAILER };

struct client {
    int fd;
    enum where where;
    uint64_t left;              /* of the body or the chunk */
    size_t wanted;              /* what the request under way is to be answered with */
    size_t answer_n, answer_at; /* bytes of the answer, head and body; 0: none is under way */
    size_t head_n;
    char head[128];
    size_t n;
    char input[INPUT];
};

static char payload[LARGE];

static void begin_answer(struct client *c) {
    c->head_n = (size_t)snprintf(c->head, sizeof(c->head),
                                 "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"
                                 "content-length: %zu\r\n\r\n",
                                 c->wanted);
    c->answer_n = c->head_n + c->wanted;
    c->answer_at = c->wanted = 0;
}

/* 0 when the request has none of that name. */
static const char *field(const char *head, const char *end, const char *name) {
    for (const char *at = head; at && at < end; at = memchr(at, '\n', (size_t)(end - at))) {
        at += *at == '\n';
        if (strncasecmp(at, name, strlen(name)) == 0)
            return at + strlen(name);
    }
    return NULL;
}

/* How much of the input one step uses; 0: it needs more. */
static size_t take_head(struct client *c, const char *at, size_t n) {
    const char *end = memmem(at, n, "\r\n\r\n", 4);
    if (!end)
        return 0;
    const char *length = field(at, end, "content-length:");
    c->wanted = memmem(at, (size_t)(end - at), " /10m ", 6) ? LARGE : SMALL;
    c->left = length ? strtoull(length, NULL, 10) : 0;
    if (field(at, end, "transfer-encoding:"))
        c->where = CHUNK_SIZE;
    else if (c->left > 0)
        c->where = LENGTH;
    return (size_t)(end + 4 - at);
}

static size_t take_line(struct client *c, const char *at, size_t n) {
    const char *end = memchr(at, '\n', n);
    if (!end)
        return 0;
    if (c->where == CHUNK_SIZE) {
        c->left = strtoull(at, NULL, 16);
        c->where = c->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
        c->left += c->left > 0 ? 2 : 0; /* and the line's end behind it */
    } else if (end - at <= 1) {
        c->where = HEAD;
    }
    return (size_t)(end + 1 - at);
}

static size_t take_body(struct client *c, size_t n) {
    size_t step = n < c->left ? n : (size_t)c->left;
    c->left -= step;
    if (c->left == 0)
        c->where = c->where == CHUNK_DATA ? CHUNK_SIZE : HEAD;
    return step;
}

/* Eats requests until one is to be answered. */
static void take(struct client *c) {
    size_t at = 0, step = 1;
    while (at < c->n && step > 0 && (c->where != HEAD || c->wanted == 0)) {
        const char *p = c->input + at;
        if (c->where == HEAD)
            step = take_head(c, p, c->n - at);
        else if (c->where == LENGTH || c->where == CHUNK_DATA)
            step = take_body(c, c->n - at);
        else
            step = take_line(c, p, c->n - at);
        at += step;
    }
    memmove(c->input, c->input + at, c->n - at);
    c->n -= at;
}

/* 1: all is sent; 0: the kernel takes no more; -1: the client is gone. */
static int give(struct client *c) {
    while (c->answer_at < c->answer_n) {
        size_t of_head = c->answer_at < c->head_n ? c->head_n - c->answer_at : 0;
        size_t of_body = c->answer_n - c->answer_at - of_head;
        struct iovec iov[2] = {{c->head + c->head_n - of_head, of_head}, {payload, of_body}};
        ssize_t n = writev(c->fd, iov, 2);
        if (n < 0)
            return errno == EAGAIN ? 0 : -1;
        c->answer_at += (size_t)n;
    }
    c->answer_n = c->answer_at = 0;
    return 1;
}

static int serve(struct client *c) {
    for (;;) {
        int given = give(c);
        if (given <= 0)
            return given;
        take(c);
        if (c->where == HEAD && c->wanted > 0) {
            begin_answer(c);
            continue;
        }
        if (c->n == INPUT)
            return -1;
        ssize_t n = read(c->fd, c->input + c->n, INPUT - c->n);
        if (n <= 0)
            return n < 0 && errno == EAGAIN ? 0 : -1;
        c->n += (size_t)n;
    }
}

static void greet(int poll, int listener) {
    int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    struct client *c = fd < 0 ? NULL : calloc(1, sizeof(*c));
    if (!c)
        return;
    c->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
}

int main(int argc, char **argv) {
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                               .sin_port = htons((uint16_t)atoi(argc > 1 ? argv[1] : "9000"))};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)) != 0 || listen(listener, 4096) != 0)
        return perror("backend"), 1;
    memset(payload, 'x', sizeof(payload));
    int poll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN}, events[256];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int n = epoll_wait(poll, events, 256, -1);
        for (int i = 0; i < n; i++) {
            struct client *c = events[i].data.ptr;
            if (!c)
                greet(poll, listener);
            else if (serve(c) < 0)
                close(c->fd), free(c);
        }
    }
}
