/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_WIRE_H2_BYTES_H
#define TESTS_WIRE_H2_BYTES_H

#include "join.h"
#include "visit.h"

/* An HTTP/2 server, and a client whose bytes a test writes by hand. */

enum { SCRATCH = 16384 };
enum { DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

struct world {
    struct turn turn;
    struct chunk_pool chunks;
    struct http_limits limits;
    struct http_env env;
    struct peer peer;
    struct site site;
    struct join *join;
    struct buf frame;
    /* what the server sent, since the last look */
    int frames[10], status, goaway, rst, last_rst_id;
    bool goaway_came, fin;
    uint8_t scratch[SCRATCH];
};

struct world *world_new(uint32_t resets);
void world_free(struct world *w);

void put_frame(struct world *w, int type, int flags, uint32_t id, const void *p, size_t n);
void hello(struct world *w); /* the preface and an empty SETTINGS */

/* Lines of a field block, gathered until put_headers. */
void line_n(struct world *w, const char *name, const char *value, size_t value_n);
void line(struct world *w, const char *name, const char *value);
void get_lines(struct world *w, const char *path);
void put_headers(struct world *w, uint32_t id, int flags);

/* Lets it come to rest and sees what the server sent. */
void look(struct world *w);
/* Virtual time goes by. */
void let_pass(struct world *w, uint64_t ns);

#endif
