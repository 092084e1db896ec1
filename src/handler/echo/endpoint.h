/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HANDLER_ECHO_ENDPOINT_H
#define HANDLER_ECHO_ENDPOINT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/json.h"
#include "http/exchange.h"

/* One request to the built-in httpbin, and what its endpoints are made of.
 *
 *   collecting (endpoints that look at the request's body) --> answering --> replied
 *                                                                  `--> streaming, paced */

struct echo;

struct endpoint {
    const char *path;    /* "/get"; "/status/" with its slash: the rest is e->rest */
    const char *methods; /* "GET"; NULL: every one. HEAD goes with GET, OPTIONS with all */
    bool with_body;      /* answer runs when the request's body is complete */
    void (*answer)(struct echo *e);
    const char *what; /* for the start page */
};

struct echo {
    uint32_t magic;
    struct end end;
    const struct endpoint *endpoint;
    const struct endpoint *table; /* all of them, for the start page */
    size_t n_table;
    struct str rest;  /* of the path behind the endpoint's; "" */
    struct str query; /* without '?' */
    struct buf body;  /* of the request, when collected */
    bool answered;

    /* streaming and delays */
    void (*step)(struct echo *e); /* NULL: none; runs when there is room, or the timer went */
    struct buf out;               /* waits for room */
    uint64_t begin_ns, interval_ns;
    uint64_t done, total;          /* lines or bytes */
    void (*later)(struct echo *e); /* after a delay */
};

/* ---- answers; e is over after each of them ---- */
void echo_json(struct echo *e, struct json *j, struct json_value *value); /* 200; finishes j */
void echo_reply(struct echo *e, int status, struct str type, struct str body);
void echo_error(struct echo *e, int status, struct str detail);
void echo_finish(struct echo *e); /* frees what it holds, and its task; idempotent */
void echo_abort(struct echo *e, enum reason reason); /* the exchange is reset */

/* ---- or a body that comes bit by bit ---- */
/* The head goes out, step runs; it writes with body_write and calls echo_stream_end. */
void echo_stream(struct echo *e, int status, struct str type, int64_t length);
void echo_stream_end(struct echo *e);
/* step or later runs then; e may be over when it returns, so do nothing more with it */
void echo_wait(struct echo *e, uint64_t at_ns);

/* ---- the request's parts as httpbin shows them (shape.c) ---- */
struct json_value *shape_args(struct echo *e, struct json *j);
struct json_value *shape_headers(struct echo *e, struct json *j);
struct json_value *shape_origin(struct echo *e, struct json *j);
struct json_value *shape_url(struct echo *e, struct json *j);
/* data, files, form and json, into object. */
void shape_body(struct echo *e, struct json *j, struct json_value *object);

/* ---- value.c ---- */
/* Text as it is, bytes as a data: URL. */
struct json_value *shape_bytes(struct json *j, struct str bytes);
/* What was made in the arena; p NULL: memory ended, and so it did for the JSON. */
struct str shape_made(struct json *j, struct str text);
/* A name that is there already becomes a list. */
void shape_add(struct json *j, struct json_value *object, struct str name,
               struct json_value *value);

/* multipart/form-data (RFC 7578) into form and files. */
void multipart_read(struct json *j, struct str body, struct str boundary, struct json_value *form,
                    struct json_value *files);

/* A query argument as a number, with its default and bounds; false: it is no number, and
 * the 400 has been sent; or memory ended, and a 503 has. */
struct range {
    double standard, low, high;
};
bool echo_number(struct echo *e, const char *name, struct range range, double *ret_value);

/* ---- inspect.c, status.c, data.c, timed.c, facts.c, page.c ---- */
void answer_get(struct echo *e);
void answer_post(struct echo *e);
void answer_anything(struct echo *e);
void answer_headers(struct echo *e);
void answer_ip(struct echo *e);
void answer_user_agent(struct echo *e);
void answer_status(struct echo *e);
void answer_bytes(struct echo *e);
void answer_delay(struct echo *e);
void answer_stream(struct echo *e);
void answer_drip(struct echo *e);
void answer_facts(struct echo *e);
void answer_page(struct echo *e);

#endif
