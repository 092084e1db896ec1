/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_ENGINE_H
#define BASE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/addr.h"
#include "base/str.h"
#include "base/turn.h"

/* An engine eats input and yields output without doing I/O. net/ drives it with sockets
 * and does not know what is inside; tests join two of them in memory.
 *
 * The driver is a task; an engine wakes it with the bits below and is never called back
 * from inside its own calls. Engines stack: TLS passes its driver on to what it wraps. */

enum engine_event {
    ENGINE_OUTPUT = 1u << 0, /* pull has something */
    ENGINE_ROOM = 1u << 1,   /* room is no longer 0 */
    ENGINE_STATUS = 1u << 2, /* status changed */
};

enum engine_status {
    ENGINE_OPEN,       /* goes on */
    ENGINE_SHUT_WRITE, /* after what pull still gives: end of output (FIN); input goes on */
    ENGINE_DONE,       /* after what pull still gives: close */
    ENGINE_CUT,        /* at once and visibly so (RST, no close_notify): for a message that its
                          connection's end would make look whole */
};

struct stream_engine {
    const struct stream_engine_ops *ops;
    struct task *driver; /* may be NULL before engine_drive */
    /* It looks itself after peers that take no output: the driver waits for ever. An engine that
     * wraps another says what that one says. */
    bool patient;
};

/* Enough for the round trips of an honest handshake. Browsers keep connections open on which they
 * say nothing, and a drain would wait for the handshake's whole time. */
#define ENGINE_DRAIN_NS SECOND_NS

struct stream_engine_ops {
    /* Where the next input goes; n 0: take nothing now, ENGINE_ROOM will tell. Valid until
     * the next call of any engine of the worker. */
    struct span (*room)(struct stream_engine *e);

    /* Behind that room, for who can fill several pieces at once: at most n, their number.
     * To be called right after room. Who has this verb hears by filled(0) that nothing came.
     * NULL: there is never more. */
    int (*more_room)(struct stream_engine *e, struct iovec *iov, int n);

    /* n bytes were put there. The engine takes them all. 0, or a negative err: the
     * connection is to be closed after what pull still gives. */
    int (*filled)(struct stream_engine *e, size_t n);

    /* The peer will send no more (FIN). */
    void (*end_of_input)(struct stream_engine *e);

    /* Output, at most n pieces: the number of pieces. They stay valid until pulled. */
    int (*pull)(struct stream_engine *e, struct iovec *iov, int n);
    void (*pulled)(struct stream_engine *e, size_t bytes);

    enum engine_status (*status)(const struct stream_engine *e);

    /* Finish what was begun, take nothing new (GOAWAY, Connection: close, close_notify). A
     * handshake has ENGINE_DRAIN_NS left. */
    void (*drain)(struct stream_engine *e);

    /* A new driver; an engine that wraps another passes it on. NULL: only set the member. */
    void (*drive)(struct stream_engine *e, struct task *driver);

    /* The connection is gone; everything inside ends with it. reason is an enum reason of
     * http/reason.h as an int, 0: the engine knows better. Frees e (by way of the grave). */
    void (*free)(struct stream_engine *e, int reason);
};

static inline void engine_drive(struct stream_engine *e, struct task *driver) {
    e->driver = driver;
    if (e->ops->drive)
        e->ops->drive(e, driver);
}

static inline void engine_wake(struct stream_engine *e, uint32_t events) {
    if (e->driver)
        task_wake(e->driver, events);
}

/* One UDP datagram, or several of one size (GSO, GRO) from or to one address. */
struct datagram {
    uint8_t *data;
    size_t n, cap;
    size_t segment;    /* size of each but the last; 0: it is one */
    struct addr local; /* where it came in, or is to go out from */
    struct addr remote;
    uint8_t ecn; /* the two bits of RFC 3168 */
    int ifindex; /* of local; 0: unknown */
};

struct datagram_engine {
    const struct datagram_engine_ops *ops;
    struct task *driver;
};

struct datagram_engine_ops {
    /* The engine may change the bytes, and keeps nothing of them. */
    void (*take)(struct datagram_engine *e, struct datagram *d);

    /* Writes the next datagram(s) into d->data (cap given): true, or false: nothing now.
     * max_segments: how many segments of one size the driver can send at once. */
    bool (*pull)(struct datagram_engine *e, struct datagram *d, size_t max_segments);

    void (*drain)(struct datagram_engine *e);
    /* All is over at once; what peers are to hear of it is pulled before free. NULL: nothing. */
    void (*end)(struct datagram_engine *e);
    bool (*idle)(const struct datagram_engine *e); /* nothing left to do: may be freed */
    void (*free)(struct datagram_engine *e);
};

static inline void datagram_engine_wake(struct datagram_engine *e) {
    if (e->driver)
        task_wake(e->driver, ENGINE_OUTPUT);
}

#endif
