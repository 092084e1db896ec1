/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/port.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/err.h"
#include "sys/datagram.h"
#include "sys/sock.h"

enum {
    PORT_MAGIC = 0x706f7274,
    RECEIVES_A_LAP = 4,
    SENDS_A_TASK = 32, /* then others first */
    FAREWELLS = 65536, /* one a connection */
    AGAIN = 1u << 8,
};

struct port {
    uint32_t magic;
    struct port_config config;
    struct addr addr;
    int fd;
    unsigned features;
    struct loop_watch watch;
    struct task task;
    struct grave grave;
    struct datagram_engine *engine;
    struct datagram out; /* its memory; and while waiting, what the kernel did not take yet */
    bool waiting, refused;
    uint8_t *in; /* DATAGRAM_BATCH buffers */
};

static void watch_again(struct port *p) {
    loop_watch_set(&p->watch, (p->engine ? LOOP_READ : 0) | (p->waiting ? LOOP_WRITE : 0));
}

/* ---- input ---- */

static int receive(struct port *p) {
    struct datagram batch[DATAGRAM_BATCH];
    for (int i = 0; i < DATAGRAM_BATCH; i++) {
        batch[i].data = p->in + (size_t)i * DATAGRAM_BYTES;
        batch[i].cap = DATAGRAM_BYTES;
    }
    int n = datagram_receive(p->fd, &p->addr, batch, DATAGRAM_BATCH);
    for (int i = 0; i < n; i++)
        if (batch[i].n > 0)
            p->engine->ops->take(p->engine, &batch[i]);
    return n;
}

static void tell_refused(struct port *p) {
    if (p->refused || !p->config.refused)
        return;
    p->refused = true;
    task_wake(p->config.refused, PORT_REFUSED);
}

static void on_ready(struct loop_watch *watch, int events) {
    struct port *p = container_of(watch, struct port, watch);
    check_magic(p, PORT_MAGIC);
    if (events & LOOP_WRITE)
        task_wake(&p->task, AGAIN);
    if (!(events & LOOP_READ))
        return;
    int n = DATAGRAM_BATCH;
    for (int i = 0; i < RECEIVES_A_LAP && n == DATAGRAM_BATCH; i++)
        n = receive(p);
    if (n == ERR_REFUSED)
        tell_refused(p);
}

/* ---- output ---- */

/* false: the kernel takes nothing now. */
static bool send_out(struct port *p) {
    bool connected = p->config.connect_to != NULL;
    int err = datagram_send(p->fd, &p->out, connected, &p->features);
    p->waiting = err == ERR_AGAIN;
    if (err == ERR_REFUSED)
        tell_refused(p);
    else if (err != 0 && err != ERR_AGAIN)
        log_debug(p->config.log, "a datagram of %zu bytes was dropped: %s", p->out.n,
                  err_text(err));
    return !p->waiting;
}

static bool pull(struct port *p) {
    uint8_t *data = p->out.data;
    p->out = (struct datagram){.data = data, .cap = DATAGRAM_SEND};
    size_t segments = p->features & DATAGRAM_GSO ? DATAGRAM_SEGMENTS : 1;
    return p->engine->ops->pull(p->engine, &p->out, segments);
}

static void on_task(struct task *task, uint32_t events) {
    struct port *p = container_of(task, struct port, task);
    (void)events;
    check_magic(p, PORT_MAGIC);
    if (!p->engine || (p->waiting && !send_out(p)))
        return;
    int i = 0;
    for (; i < SENDS_A_TASK && pull(p); i++)
        if (!send_out(p))
            break;
    if (i == SENDS_A_TASK)
        task_wake(&p->task, AGAIN);
    watch_again(p);
}

/* ---- life ---- */

static void release(struct port *p) {
    loop_watch_fini(&p->watch);
    if (p->fd >= 0)
        close(p->fd);
    free(p->in);
    free(p->out.data);
    p->magic = 0;
    free(p);
}

static int set_up(struct port *p) {
    const struct port_config *config = &p->config;
    if (config->connect_to && connect(p->fd, &config->connect_to->sa, config->connect_to->n) != 0)
        return sock_err(errno);
    if (config->receive_buffer_bytes > 0) {
        int bytes = (int)config->receive_buffer_bytes;
        (void)setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
        (void)setsockopt(p->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    }
    sock_names(p->fd, &p->addr, NULL);
    p->features = datagram_set_up(p->fd, p->addr.sa.sa_family);
    p->in = malloc((size_t)DATAGRAM_BATCH * DATAGRAM_BYTES);
    p->out.data = malloc(DATAGRAM_SEND);
    if (!p->in || !p->out.data)
        return ERR_NO_MEMORY;
    return loop_watch_init(&p->watch, config->loop, p->fd, on_ready);
}

int port_open(const struct port_config *config, struct port **ret_port) {
    struct sock_bind wanted = {.addr = config->addr, .type = SOCK_DGRAM};
    int fd, err = sock_bind(&wanted, &fd);
    return err ? err : port_adopt(config, fd, ret_port);
}

int port_adopt(const struct port_config *config, int fd, struct port **ret_port) {
    struct port *p = calloc(1, sizeof(*p));
    if (!p) {
        close(fd);
        return ERR_NO_MEMORY;
    }
    p->magic = PORT_MAGIC;
    p->config = *config;
    p->fd = fd;
    int err = set_up(p);
    if (err != 0) {
        int number = errno;
        release(p);
        errno = number;
        return err;
    }
    task_init_last(&p->task, loop_turn(config->loop), on_task);
    *ret_port = p;
    return 0;
}

void port_start(struct port *p, struct datagram_engine *engine) {
    check_magic(p, PORT_MAGIC);
    check(!p->engine);
    p->engine = engine;
    engine->driver = &p->task;
    task_wake(&p->task, ENGINE_OUTPUT);
    watch_again(p);
}

const struct addr *port_addr(const struct port *p) {
    return &p->addr;
}

void port_drain(struct port *p) {
    check_magic(p, PORT_MAGIC);
    if (!p->engine)
        return;
    p->engine->ops->drain(p->engine);
    task_wake(&p->task, ENGINE_OUTPUT);
}

bool port_idle(const struct port *p) {
    return !p->waiting && (!p->engine || p->engine->ops->idle(p->engine));
}

static void port_bury(struct grave *grave) {
    release(container_of(grave, struct port, grave));
}

/* What the engine has to say in farewell goes before the socket does; the memory goes at the end of
 * the turn. */
void port_free(struct port *p) {
    if (!p)
        return;
    check_magic(p, PORT_MAGIC);
    struct datagram_engine *engine = p->engine;
    if (engine) {
        if (engine->ops->end)
            engine->ops->end(engine);
        for (int i = 0; i < FAREWELLS && !p->waiting && pull(p); i++)
            (void)send_out(p);
        engine->driver = NULL;
        engine->ops->free(engine);
    }
    p->engine = NULL;
    task_fini(&p->task);
    loop_watch_fini(&p->watch);
    close(p->fd);
    p->fd = -1;
    turn_bury(loop_turn(p->config.loop), &p->grave, port_bury);
}

const char *port_features(const struct port *p) {
    return datagram_features_text(p->features);
}
